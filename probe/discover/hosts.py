"""Finds the addresses of hosts; a host that cannot be looked up now keeps those it had."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from probe.net.lookup import Lookup, shown
from probe.net.text import printable
from probe.ports import DiscoveryTrouble

AGAIN = timedelta(seconds=30)
"""How soon to ask again where no TTL says it: after an answer that was incomplete, or from a server that tells none."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host and its addresses, those of IPv4 first."""

    name: str
    addresses: tuple[str, ...] = ()
    ttl: timedelta = AGAIN
    note: str | None = None
    """What is wrong with it, in one sentence."""


class Hosts:
    """Looks hosts up, and remembers their last good addresses as a cache does that serves stale (RFC 8767 4)."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._good: dict[str, Host] = {}

    async def look_up(self, names: Iterable[Name], *, aliases: bool) -> list[Host]:
        """Return the hosts in the order of their names, whatever becomes of each.

        Without ``aliases`` a name that is an alias gets no addresses: RFC 5321 5.1 and RFC 2782 forbid it.
        """
        hosts = await asyncio.gather(*(self._host(name, aliases=aliases) for name in names))
        self._good = {host.name: host for host in hosts if host.addresses}
        return hosts

    async def _host(self, name: Name, *, aliases: bool) -> Host:
        host = shown(name)
        if not is_host_name(host):
            host = printable(host)
            return Host(host, note=f"{host} is not a host name, and is left out")
        try:
            return await self._ask(name, aliases=aliases)
        except DiscoveryTrouble as trouble:
            if last := self._good.get(host):
                note = f"{trouble}; the addresses known of before are kept"
                return replace(last, ttl=AGAIN, note=note)
            return Host(host, note=str(trouble))

    async def _ask(self, name: Name, *, aliases: bool) -> Host:
        # Half of a host is not taken for the whole: when one of the two questions fails, both have.
        v4 = await self._lookup.ask(name, RdataType.A)
        v6 = await self._lookup.ask(name, RdataType.AAAA)
        host, ttl = shown(name), min(v4.ttl, v6.ttl)
        if (v4.alias or v6.alias) and not aliases:
            target = printable(shown(v4.name))
            return Host(host, ttl=ttl, note=f"{host} is an alias (CNAME) of {target}, and is left out")
        addresses = _sorted(v4.records) + _sorted(v6.records)
        return Host(host, addresses, ttl, None if addresses else f"{host} has no address")


def is_host_name(name: str) -> bool:
    """Tell whether a name, in lower case, is that of a host, and can be taken for nothing else."""
    return _HOSTNAME.fullmatch(name) is not None


_HOSTNAME = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
)
"""RFC 1123 2.1: its last label is never a number, so that it cannot be taken for an address."""


def _sorted(records: Iterable[Rdata]) -> tuple[str, ...]:
    """Return the addresses that can be dialled, in an order that does not turn with that of the answers."""
    found = (ip_address(record.address) for record in records if isinstance(record, A | AAAA))
    usable = (address for address in found if not (address.is_unspecified or address.is_multicast))
    return tuple(str(address) for address in sorted(usable, key=lambda address: address.packed))
