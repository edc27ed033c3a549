"""Reads what HAProxy answers to `show servers state` (its management guide, 9.3)."""

from dataclasses import dataclass
from ipaddress import ip_address

from probe.net.text import printable
from probe.ports import DiscoveryTrouble

_VERSION = "1"
_NEEDED = ("srv_name", "srv_addr", "srv_port")
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Server:
    """A server of a backend, in the words of HAProxy."""

    name: str
    address: str | None
    """None while HAProxy itself knows no address that can be dialled."""
    port: int
    """0 where HAProxy uses the port that its client dialled."""
    hostname: str | None
    """The name that it is configured by, where it is by name."""


def servers(answer: str) -> list[Server]:
    """Return the servers that an answer lists. Raises DiscoveryTrouble for any other answer."""
    first, *lines = answer.splitlines() or [""]
    if first.strip() != _VERSION:
        # Such as "Can't find backend." or "Permission denied".
        raise DiscoveryTrouble(f"HAProxy lists no servers: it answered {printable(first.strip()) or 'nothing'}")
    heading, *rows = [line for line in lines if line.strip()] or [""]
    columns = heading.removeprefix("#").split()
    if missing := [column for column in _NEEDED if column not in columns]:
        raise DiscoveryTrouble(f"HAProxy lists its servers without {' and '.join(missing)}")
    return [_server(columns, row.split()) for row in rows]


def _server(columns: list[str], words: list[str]) -> Server:
    if len(words) != len(columns):
        raise DiscoveryTrouble(f"HAProxy lists a server in {len(words)} words below {len(columns)} columns")
    row = dict(zip(columns, words, strict=True))
    fqdn = row.get("srv_fqdn", _NONE)
    return Server(row["srv_name"], _address(row["srv_addr"]), _port(row["srv_port"]), None if fqdn == _NONE else fqdn)


def _address(word: str) -> str | None:
    try:
        address = ip_address(word)
    except ValueError:  # "-" while it is not resolved, or the path of a socket
        return None
    return None if address.is_unspecified or address.is_multicast else str(address)


def _port(word: str) -> int:
    # Not int(): it takes what HAProxy never writes, such as "1_0" or "+25".
    if word.isascii() and word.isdigit() and len(word) <= 5 and int(word) <= 65535:
        return int(word)
    raise DiscoveryTrouble(f"HAProxy lists a server with the port {printable(word)}")
