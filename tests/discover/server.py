"""A name server on loopback that answers from a text in zone-file form, or fails where it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import Enum
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone

from probe.model.settings import Resolver

ORIGIN = dns.name.from_text("lab.test.")
_SOA = "@ 300 IN SOA ns hostmaster 1 3600 600 86400 {negative}\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n"


class Fault(Enum):
    """How a question is answered that is not answered."""

    SERVFAIL = "servfail"
    SILENCE = "silence"


class NameServer:
    """Serves the zone lab.test, over UDP and, for what is too long for that, TCP."""

    def __init__(self) -> None:
        self.port = 0
        self.secure = False
        """Answers are said to be validated by DNSSEC, to whoever asks (RFC 6840 5.7)."""
        self.faults: dict[tuple[str, str], Fault] = {}
        """By name below lab.test, and type."""
        self.serve("")

    @property
    def resolver(self) -> Resolver:
        return Resolver(("127.0.0.1",), self.port)

    def serve(self, records: str, *, negative_ttl: int = 300) -> None:
        text = _SOA.format(negative=negative_ttl) + records
        self._zone = dns.zone.from_text(text, ORIGIN, relativize=False)

    def answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        [question] = query.question
        owner = question.name.relativize(ORIGIN).to_text()
        fault = self.faults.get((owner, question.rdtype.name))
        if fault is Fault.SILENCE:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.secure and query.flags & dns.flags.AD:
            response.flags |= dns.flags.AD
        if fault is Fault.SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(response, question.name, question.rdtype)
        return response

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
        while alias := self._zone.get_rrset(name, dns.rdatatype.CNAME):
            response.answer.append(alias)
            name = alias[0].target
        if found := self._zone.get_rrset(name, kind):
            response.answer.append(found)
            return
        response.authority.append(self._zone.find_rrset(ORIGIN, dns.rdatatype.SOA))
        if not any(known.is_subdomain(name) for known in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)


@contextlib.asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    server = NameServer()
    tcp = await asyncio.start_server(lambda *streams: _answer_stream(server, *streams), "127.0.0.1", 0)
    server.port = tcp.sockets[0].getsockname()[1]
    udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=("127.0.0.1", server.port)
    )
    try:
        yield server
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if response := self._server.answer(data):
            self._transport.sendto(_short(response), addr)


def _short(response: dns.message.Message) -> bytes:
    try:
        return response.to_wire(max_size=512)
    except dns.exception.TooBig:
        response.answer.clear()
        response.flags |= dns.flags.TC
        return response.to_wire()


async def _answer_stream(server: NameServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
        length = int.from_bytes(await reader.readexactly(2), "big")
        if response := server.answer(await reader.readexactly(length)):
            writer.write(response.to_wire(prepend_length=True))
            await writer.drain()
