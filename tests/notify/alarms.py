"""Alarms, and somebody to be told, for tests."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from probe.model.alarm import Alarm, AlarmKey, AlarmKind
from probe.notify.bodies import Origin
from probe.ports import LedgerTrouble

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = Origin("probe-a", "http://192.0.2.50:9847")


def down(member: str = "mta1", *, over: datetime | None = None) -> Alarm:
    """A member that is down since noon."""
    key = AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", "vip"), ("member", member)))
    return Alarm(key, '3 probes in a row missing: <b>"x"\n', NOON, over)


def unreadable() -> Alarm:
    """A mailbox that cannot be read since noon."""
    return Alarm(AlarmKey(AlarmKind.MAILBOX_UNREADABLE, (("mailbox", "monitor"),)), "connection refused", NOON)


def ledger_fails() -> Alarm:
    """The ledger does not work since noon."""
    return Alarm(AlarmKey(AlarmKind.LEDGER_FAILS, ()), "the disk is full", NOON)


class MemoryByHand:
    """The part of a ledger that remembers what was told."""

    def __init__(self) -> None:
        self.told: dict[str, list[Alarm]] = {}
        self.written = 0
        self.fails = False
        self.hangs = False

    async def alarms_told(self, endpoint: str) -> Sequence[Alarm]:
        await self._work()
        return self.told.get(endpoint, [])

    async def set_alarms_told(self, endpoint: str, alarms: Sequence[Alarm]) -> None:
        await self._work()
        self.told[endpoint] = list(alarms)
        self.written += 1

    async def _work(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise LedgerTrouble("the disk is full")


LATER = NOON + timedelta(minutes=4)
