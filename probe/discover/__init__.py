"""Finds the members of pools that name no members, only where to ask for them: DNS or HAProxy."""

from typing import assert_never

from probe.discover.haproxy import HaproxyFinder
from probe.discover.host import HostFinder
from probe.discover.mx import MxFinder
from probe.discover.srv import SrvFinder
from probe.model.settings import DiscoveryKind, Pool, Resolver
from probe.net.lookup import Lookup
from probe.ports import Finder

__all__ = ["finder"]


def finder(pool: Pool, resolver: Resolver) -> Finder:
    """Return what finds the members of a pool. Raises ValueError for a pool whose members are not discovered."""
    if pool.discovery is None:
        raise ValueError(f"the members of pool {pool.name} are not discovered")
    lookup = Lookup(resolver)
    match pool.discovery.kind:
        case DiscoveryKind.MX:
            return MxFinder(pool.name, pool.discovery, lookup=lookup)
        case DiscoveryKind.HOST:
            return HostFinder(pool.name, pool.discovery, lookup=lookup)
        case DiscoveryKind.SRV:
            return SrvFinder(pool.name, pool.discovery, lookup=lookup)
        case DiscoveryKind.HAPROXY:
            return HaproxyFinder(pool.name, pool.discovery)
        case _:
            assert_never(pool.discovery.kind)
