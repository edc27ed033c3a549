"""Finds every address of a name."""

from probe.discover.hosts import Hosts
from probe.discover.members import Target, found
from probe.model.settings import Discovery
from probe.net.lookup import Lookup, absolute
from probe.ports import Found


class HostFinder:
    """Takes each address of a name, of IPv4 and IPv6, for a member; the name may be an alias."""

    def __init__(self, pool: str, discovery: Discovery, *, lookup: Lookup) -> None:
        self._pool = pool
        self._discovery = discovery
        self._hosts = Hosts(lookup)

    async def find(self) -> Found:
        """Look the addresses up."""
        [host] = await self._hosts.look_up([absolute(self._discovery.name)], aliases=True)
        return found(self._pool, [Target(host, self._discovery.port)], ttl=host.ttl)
