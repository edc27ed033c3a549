"""Finds every address of every exchanger of a mail domain (RFC 5321 5.1)."""

import dns.name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.MX import MX

from probe.discover.hosts import Hosts
from probe.discover.members import none_offered
from probe.discover.offers import Offer, take_up
from probe.model.settings import Discovery
from probe.net.lookup import Lookup, absolute, shown
from probe.ports import DiscoveryTrouble, Found


class MxFinder:
    """Takes each address of each exchanger for a member: where a sender picks one, all are probed."""

    def __init__(self, pool: str, discovery: Discovery, *, lookup: Lookup) -> None:
        self._pool = pool
        self._discovery = discovery
        self._lookup = lookup
        self._hosts = Hosts(lookup)

    async def find(self) -> Found:
        """Look the exchangers up, and their addresses."""
        domain = absolute(self._discovery.name)
        answer = await self._lookup.ask(domain, RdataType.MX)
        if not answer.exists:
            raise DiscoveryTrouble(f"the domain {shown(domain)} does not exist (NXDOMAIN)")
        records = [(record.preference, record.exchange) for record in answer.records if isinstance(record, MX)]
        if not records:
            # RFC 5321 5.1, the implicit MX: the domain is its own exchanger.
            records = [(0, answer.name)]
        offers = [Offer(rank, host, self._discovery.port) for rank, host in records if host != dns.name.root]
        if not offers:
            return none_offered(answer.ttl, f"{shown(domain)} takes no mail: it has a null MX (RFC 7505)")
        notes = [_NULL_BESIDE_OTHERS] if len(offers) < len(records) else []
        return await take_up(offers, self._hosts, pool=self._pool, ttl=answer.ttl, notes=notes)


_NULL_BESIDE_OTHERS = "the domain has a null MX beside others, which RFC 7505 3 forbids; the others are used"
