"""Membership: which members a pool has now, looked up again when the answer's time is over."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from probe.engine.happenings import DiscoveryFailed, MembersKnown, Reporter
from probe.model.origin import Origin
from probe.model.settings import Discovery, DiscoveryKind, Member, Pool
from probe.ports import Clock, DiscoveryTrouble, Finder

FIRST_BACK_OFF = timedelta(seconds=2)
LONGEST_BACK_OFF = timedelta(minutes=1)

Welcome = Callable[[Sequence[Member]], None]
"""Told of members that are new."""


class Membership:
    """Keep the members of one pool current; a failed look-up changes nothing but what is shown."""

    def __init__(self, pool: Pool, finder: Finder | None, *, clock: Clock, report: Reporter, welcome: Welcome) -> None:
        self._pool = pool
        self._finder = finder
        self._clock = clock
        self._report = report
        self._welcome = welcome
        self._back_off = FIRST_BACK_OFF
        self.members: Sequence[Member] = ()
        self.tried = asyncio.Event()
        """Set once the members are known, or could not be looked up for the first time."""

    async def run(self) -> None:
        """Look the members up again and again; returns at once for a pool whose members are written down."""
        if self._finder is None:
            self._take(self._pool.members, None)
        while self._finder:
            await self._clock.sleep((await self._refresh()).total_seconds())

    async def _refresh(self) -> timedelta:
        """Look the members up once, and return when to do so again."""
        assert self._finder is not None
        try:
            found = await self._finder.find()
        except DiscoveryTrouble as trouble:
            self._report(DiscoveryFailed(self._pool.name, str(trouble)))
            self.tried.set()
            pause, self._back_off = self._back_off, min(2 * self._back_off, LONGEST_BACK_OFF)
            return pause
        self._back_off = FIRST_BACK_OFF
        self._take(self._found_now(found.members), found.note)
        return found.ttl

    def _found_now(self, members: Sequence[Member]) -> Sequence[Member]:
        assert self._pool.discovery is not None
        now = self._clock.now()
        return [replace(each, origin=Origin(_named_by(self._pool.discovery, each), now)) for each in members]

    def _take(self, members: Sequence[Member], note: str | None) -> None:
        known = {member.name for member in self.members}
        self.members = members
        self._report(MembersKnown(self._pool.name, tuple(members), note))
        self.tried.set()
        self._welcome([member for member in members if member.name not in known])


def _named_by(discovery: Discovery, member: Member) -> str:
    """Say who named the address of a member."""
    match discovery.kind:
        case DiscoveryKind.MX:
            return f"by {member.hostname}, MX of {discovery.name} with preference {member.preference}"
        case DiscoveryKind.SRV:
            return f"by {member.hostname}, SRV of {discovery.name} with priority {member.preference}"
        case DiscoveryKind.HOST:
            return f"by the addresses of {discovery.name}"
        case DiscoveryKind.HAPROXY:
            return f"by HAProxy at {discovery.name}, backend {discovery.backend}"
        case _:
            assert_never(discovery.kind)
