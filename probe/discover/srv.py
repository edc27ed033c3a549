"""Finds every address of every target of a service (RFC 2782)."""

import dns.name
from dns.rdatatype import RdataType
from dns.rdtypes.IN.SRV import SRV

from probe.discover.hosts import Hosts
from probe.discover.members import none_offered
from probe.discover.offers import Offer, take_up
from probe.model.settings import Discovery
from probe.net.lookup import Lookup, absolute, shown
from probe.ports import DiscoveryTrouble, Found


class SrvFinder:
    """Takes each address of each target, at the target's own port, for a member; weights mean nothing to it."""

    def __init__(self, pool: str, discovery: Discovery, *, lookup: Lookup) -> None:
        self._pool = pool
        self._discovery = discovery
        self._lookup = lookup
        self._hosts = Hosts(lookup)

    async def find(self) -> Found:
        """Look the targets up, and their addresses."""
        service = absolute(self._discovery.name)
        answer = await self._lookup.ask(service, RdataType.SRV)
        records = [record for record in answer.records if isinstance(record, SRV)]
        if not records:
            raise DiscoveryTrouble(f"{shown(service)} has no SRV record")
        offers = [
            Offer(record.priority, record.target, record.port) for record in records if record.target != dns.name.root
        ]
        if not offers:
            return none_offered(answer.ttl, f"{shown(service)} is not available: its target is the root (RFC 2782)")
        return await take_up(offers, self._hosts, pool=self._pool, ttl=answer.ttl)
