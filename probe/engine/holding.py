"""Holds: taken up from the ledger, whoever wrote them there, and written there for who asks this process."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from probe.model.hold import Hold
from probe.model.settings import MemberKey
from probe.ports import Clock, Ledger

EVERY = timedelta(seconds=1)
"""How often the ledger is looked into: another process may have written there."""


class Holding:
    """Know all holds, and tell of them when there are others than before."""

    def __init__(self, ledger: Ledger, *, clock: Clock, tell: Callable[[Mapping[MemberKey, Hold]], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tell = tell
        self._known: Mapping[MemberKey, Hold] = {}
        self._looking = asyncio.Lock()

    def last(self, member: MemberKey) -> Hold | None:
        """Return the last hold on a member; it may have ended."""
        return self._known.get(member)

    def lasting(self) -> Mapping[MemberKey, Hold]:
        """Return the holds that have not ended."""
        now = self._clock.now()
        return {member: hold for member, hold in self._known.items() if hold.lasts(now)}

    async def run(self) -> None:
        """Look into the ledger, again and again."""
        while True:
            await self._clock.sleep(EVERY.total_seconds())
            await self.refresh()

    async def refresh(self) -> None:
        """Look into the ledger now. Raises LedgerTrouble."""
        # One after the other: what was read before somebody wrote must not be taken up after it.
        async with self._looking:
            known = await self._ledger.holds()
            if known != self._known:
                self._known = known
                self._tell(known)

    async def hold(self, pool: str, member: str, hold: Hold) -> None:
        """Hold a member. Raises LedgerTrouble."""
        await self._ledger.set_hold(pool, member, hold)
        await self.refresh()

    async def release(self, pool: str, member: str, *, by: str) -> Hold | None:
        """End the hold on a member; return it, or None where it is under none. Raises LedgerTrouble."""
        released = await self._ledger.release(pool, member, by=by, at=self._clock.now())
        await self.refresh()
        return released
