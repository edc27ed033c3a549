"""Writes the header of the PROXY protocol, by which a member behind send-proxy is told who connects."""

import struct
from ipaddress import IPv4Address, ip_address
from typing import assert_never

from probe.model.settings import ProxyProtocol

End = tuple[str, int]
"""An IP address and a port."""


def header(version: ProxyProtocol, *, source: End, destination: End) -> bytes:
    """Return the octets that stand before all others; none where no header is wanted. Both ends are of one family."""
    match version:
        case ProxyProtocol.NONE:
            return b""
        case ProxyProtocol.V1:
            return _text(source, destination)
        case ProxyProtocol.V2:
            return _binary(source, destination)
        case _:
            assert_never(version)


_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_PROXY = 0x21  # version 2, and the command PROXY
_TCP4, _TCP6 = 0x11, 0x21


def _text(source: End, destination: End) -> bytes:
    (ours, our_port), (theirs, their_port) = source, destination
    family = "TCP4" if ip_address(ours).version == 4 else "TCP6"
    return f"PROXY {family} {ours} {theirs} {our_port} {their_port}\r\n".encode("ascii")


def _binary(source: End, destination: End) -> bytes:
    ours, theirs = ip_address(source[0]), ip_address(destination[0])
    family = _TCP4 if isinstance(ours, IPv4Address) else _TCP6
    addresses = ours.packed + theirs.packed + struct.pack("!HH", source[1], destination[1])
    return _SIGNATURE + struct.pack("!BBH", _PROXY, family, len(addresses)) + addresses
