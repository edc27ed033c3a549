"""Asks DNS for the TLSA records of a server (RFC 7672 2.2), and whether they can be believed."""

import asyncio

from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TLSA import TLSA

from probe.model.dane import Tlsa
from probe.model.tls_findings import TlsaAnswer
from probe.net.lookup import Lookup, absolute
from probe.net.text import printable
from probe.ports import DiscoveryTrouble

_MOST_RECORDS = 20
"""Further records of one server are not looked at."""


async def tlsa(lookup: Lookup, host: str, port: int, *, turns: asyncio.Semaphore) -> TlsaAnswer:
    """Return the records of a server; a failure counts only where its addresses are signed."""
    async with turns:
        try:
            answer = await lookup.ask(absolute(f"_{port}._tcp.{host}"), RdataType.TLSA)
        except DiscoveryTrouble as trouble:
            # RFC 7672 2.2.2: name servers of zones that are not signed fail such questions, and nothing follows.
            return TlsaAnswer(trouble=_cut(trouble)) if await _is_signed(lookup, host) else TlsaAnswer()
    records = [record for record in answer.records if isinstance(record, TLSA)]
    return TlsaAnswer(tuple(_read(record) for record in records[:_MOST_RECORDS]), answer.secure)


async def _is_signed(lookup: Lookup, host: str) -> bool:
    for kind in (RdataType.A, RdataType.AAAA):
        try:
            if (await lookup.ask(absolute(host), kind)).secure:
                return True
        except DiscoveryTrouble:
            continue
    return False


def _read(record: Rdata) -> Tlsa:
    assert isinstance(record, TLSA)
    return Tlsa(record.usage, record.selector, record.mtype, record.cert)


def _cut(trouble: DiscoveryTrouble) -> str:
    return printable(f"senders that ask for TLSA records do not deliver: {trouble}")
