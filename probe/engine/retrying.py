"""Retrying: deferred probes wait for their next attempt, and those of one member go one by one."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from probe.engine.ledger_state import LedgerState, written
from probe.engine.queues import Queues
from probe.engine.sending import Dispatcher, Path
from probe.engine.setbacks import Setbacks
from probe.engine.settling import Settler
from probe.model.probe import Record
from probe.model.settings import MemberKey
from probe.model.waiting import Wait, wait
from probe.ports import Clock, Event, Ledger

T = TypeVar("T")

MOST_NOTES = 8
"""How often it is noted at most, in the life of a probe, why one retry of it waits."""


class Retries:
    """Send deferred probes again once nothing stands in their way, or leave it when that would be too late."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        settler: Settler,
        setbacks: Setbacks,
        ledger_state: LedgerState,
        *,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._settler = settler
        self._setbacks = setbacks
        self._ledger_state = ledger_state
        self._clock = clock
        self._queues: Queues[MemberKey] = Queues()

    async def retry(self, record: Record, path: Path) -> None:
        """Make the next attempt of a deferred probe when its time has come, or leave it out."""
        noted: set[datetime] = set()
        while True:
            # Before looking at what is remembered: none of it may be forgotten unnoticed.
            forgetting = self._setbacks.forgetting(path.member.key)
            outlook, now = self._outlook(record, path), self._clock.now()
            if outlook.in_vain(now):
                return await self._leave_out(record, outlook)
            if outlook.over(now):
                if await self._again(record, path):
                    return None
                continue
            if outlook.held_back_by and outlook.goes not in noted and len(noted) < MOST_NOTES:
                noted.add(outlook.goes)
                await self._note(record, outlook)
            await self._clock.wait(forgetting, (outlook.until - self._clock.now()).total_seconds())

    def _outlook(self, record: Record, path: Path) -> Wait:
        standing = self._setbacks.standing(path.member.key, path.route)
        return wait(record, path.route, standing, now=self._clock.now())

    async def _again(self, record: Record, path: Path) -> bool:
        # They line up among themselves, so that a turn waits behind one of them at most.
        async with self._queues.turn(path.member.key):
            return await self._dispatcher.again(
                record, path, may_go=lambda: self._outlook(record, path).over(self._clock.now())
            )

    async def _note(self, record: Record, outlook: Wait) -> None:
        waits = Event(self._clock.now(), "waits", str(outlook))
        await self._book(lambda: self._ledger.note(record.probe.id, waits))

    async def _leave_out(self, record: Record, outlook: Wait) -> None:
        left_out = Event(self._clock.now(), "left out", str(outlook))
        if await self._book(lambda: self._ledger.leave_out_retry(record.probe.id, left_out)):
            await self._book(lambda: self._settler.settle(record.probe))

    async def _book(self, write: Callable[[], Awaitable[T]]) -> T:
        return await written(write, self._ledger_state, clock=self._clock)
