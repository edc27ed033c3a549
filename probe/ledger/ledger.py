"""The ledger itself: every change goes through the one writer, every question to a reader."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from probe.ledger import books, claims, history, holds, memory, notified, queries, rows, sightings
from probe.ledger.engine import Database
from probe.ledger.writer import Writer
from probe.model.alarm import Alarm
from probe.model.history import Change
from probe.model.hold import Hold
from probe.model.letter import Folder, Place, Sighting
from probe.model.probe import Judgement, Probe, Record
from probe.model.reply import Attempt
from probe.model.settings import MemberKey
from probe.model.verdict import Verdict
from probe.ports import (
    CarriedForward,
    ChangeQuery,
    Changes,
    Clock,
    Event,
    LedgerTrouble,
    Life,
    Mark,
    Movements,
    Page,
    Query,
    Sighted,
    Tally,
    Total,
)

T = TypeVar("T")


class SqlLedger:
    """Hold every probe until it has exactly one outcome, in a database that SQLAlchemy speaks to."""

    def __init__(self, database: Database, *, instance: str, clock: Clock) -> None:
        self._database = database
        self._instance = instance
        self._clock = clock
        self._writer = Writer(database)
        self._readings: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def claim(self, probe: Probe) -> bool:
        """Write a probe down before its first byte is sent; False if its turn is taken."""
        return await self._writer.write(lambda c, counts: claims.claim(c, counts, probe))

    async def begin_retry(self, probe_id: str) -> bool:
        """Take a due retry upon oneself before its first byte is sent; False if there is none to take."""
        return await self._writer.write(lambda c, _: claims.begin_retry(c, probe_id))

    async def leave_out_retry(self, probe_id: str, why: Event) -> bool:
        """Try a probe no more, and note why; False if there was no retry to come."""
        return await self._writer.write(lambda c, _: claims.leave_out_retry(c, probe_id, why))

    async def note(self, probe_id: str, event: Event) -> None:
        """Write down a line in the life of a probe."""
        await self._writer.write(lambda c, _: claims.note(c, probe_id, event))

    async def record_attempt(self, probe_id: str, attempt: Attempt, *, next_attempt: datetime | None) -> None:
        """Write down what an attempt came to, and when the next one is due."""
        await self._writer.write(
            lambda c, counts: claims.record_attempt(c, counts, probe_id, attempt, next_attempt=next_attempt)
        )

    async def sight(self, sighting: Sighting, *, rescan: bool) -> tuple[Sighted, Record | None]:
        """Write down a message that was found, count it as what it is, and return its probe."""
        return await self._writer.write(
            lambda c, counts: sightings.sight(c, counts, sighting, rescan=rescan, by=self._instance)
        )

    async def close(self, probe_id: str, judgement: Judgement, *, at: datetime) -> Record | None:
        """Give a probe its one outcome; the record for the one caller that did it."""
        return await self._writer.write(lambda c, counts: claims.close(c, counts, probe_id, judgement, at=at))

    async def outstanding(self) -> Sequence[Record]:
        """Return the probes that have no outcome yet."""
        return await self._read(queries.outstanding)

    async def record(self, probe_id: str) -> Record | None:
        """Return a probe."""
        return await self._read(lambda c: rows.find(c, probe_id))

    async def life(self, probe_id: str) -> Life | None:
        """Return a probe with its events and transcripts."""
        return await self._read(lambda c: queries.life(c, probe_id))

    async def probes(self, query: Query) -> Page:
        """Return probes, newest first. Raises ValueError for a cursor that is none."""
        return await self._read(lambda c: queries.page(c, query))

    async def carried_forward(self, per_member: int, *, since: datetime) -> CarriedForward:
        """Return what a start takes up, all as it was at one moment."""
        return await self._read(
            lambda c: CarriedForward(
                books.counted(c, self._instance),
                queries.recent(c, per_member, since=since),
                queries.outstanding(c),
                queries.last_closing(c),
            )
        )

    async def movements(self, *, since: int) -> Movements:
        """Return which probes of other instances are open, and which of any were closed since a closing."""
        return await self._read(lambda c: queries.movements(c, self._instance, since=since))

    async def records(self, ids: Sequence[str]) -> Sequence[Record]:
        """Return those of these probes that there are, in this order."""
        return await self._read(lambda c: queries.records(c, ids))

    async def totals(self) -> Sequence[Total]:
        """Return what this instance has counted since its ledger was made."""
        return await self._read(lambda c: books.counted(c, self._instance))

    async def imbalances(self) -> Sequence[str]:
        """Return, in words, where started probes are not outcomes and probes in flight; empty when all is well."""
        return await self._read(books.imbalances)

    async def count(self, pool: str, member: str, route: str, tally: Tally) -> None:
        """Count one more of what no other method counts."""
        await self._writer.write(lambda _, counts: counts.update([(self._instance, pool, member, route, tally, None)]))

    async def mark(self, mailbox: str, folder: Folder) -> Mark | None:
        """Return how far this instance has read a folder."""
        return await self._read(lambda c: memory.mark(c, self._instance, mailbox, folder))

    async def set_mark(self, mailbox: str, folder: Folder, mark: Mark) -> None:
        """Remember how far this instance has read a folder."""
        await self._writer.write(lambda c, _: memory.set_mark(c, self._instance, mailbox, folder, mark))

    async def removable(self, mailbox: str, folder: Folder, *, seen_before: datetime, limit: int) -> Sequence[Sighting]:
        """Return messages in a folder that may be deleted."""
        return await self._read(lambda c: sightings.removable(c, mailbox, folder, seen_before=seen_before, limit=limit))

    async def lying(self, mailbox: str, folder: Folder) -> int:
        """Return how many messages of ours lie in a folder."""
        return await self._read(lambda c: sightings.lying(c, mailbox, folder))

    async def removed(self, places: Sequence[Place]) -> None:
        """Remember that messages are gone from their places."""
        await self._writer.write(lambda c, _: sightings.removed(c, places, at=self._clock.now()))

    async def verdicts(self) -> Mapping[tuple[str, str], Verdict]:
        """Return the last verdict of each pool and member."""
        return await self._read(memory.all_verdicts)

    async def set_verdict(self, pool: str, member: str, verdict: Verdict) -> None:
        """Remember a verdict."""
        await self._writer.write(lambda c, _: memory.set_verdict(c, pool, member, verdict))

    async def holds(self) -> Mapping[MemberKey, Hold]:
        """Return the last hold on each member."""
        return await self._read(holds.all_holds)

    async def set_hold(self, pool: str, member: str, hold: Hold) -> None:
        """Remember a hold, in place of the one before."""
        await self._writer.write(lambda c, _: holds.set_hold(c, pool, member, hold))

    async def release(self, pool: str, member: str, *, by: str, at: datetime) -> Hold | None:
        """End the hold on a member, if one lasts."""
        return await self._writer.write(lambda c, _: holds.release(c, pool, member, by=by, at=at))

    async def note_change(self, change: Change) -> None:
        """Write down a change of a verdict, and count it if it counts."""
        await self._writer.write(lambda c, counts: history.note(c, counts, self._instance, change))

    async def changes(self, query: ChangeQuery) -> Changes:
        """Return changes of verdicts, newest first. Raises ValueError for a cursor that is none."""
        return await self._read(lambda c: history.page(c, self._instance, query))

    async def last_changes(self) -> Sequence[Change]:
        """Return the last change of the verdict on each member."""
        return await self._read(lambda c: history.last(c, self._instance))

    async def turns(self, *, since: datetime) -> Mapping[MemberKey, Sequence[datetime]]:
        """Return when members were called up that were down since then, or the other way round; oldest first."""
        return await self._read(lambda c: history.turns(c, self._instance, since=since))

    async def alarms_told(self, endpoint: str) -> Sequence[Alarm]:
        """Return what an endpoint was told by this instance to be wrong, and not yet that it is over."""
        return await self._read(lambda c: notified.alarms_told(c, self._instance, endpoint))

    async def set_alarms_told(self, endpoint: str, alarms: Sequence[Alarm]) -> None:
        """Remember all that an endpoint was told to be wrong."""
        await self._writer.write(lambda c, _: notified.set_alarms_told(c, self._instance, endpoint, alarms))

    async def tag_key(self) -> bytes:
        """Return the key that is kept in the ledger, made on first use."""
        return await self._writer.write(lambda c, _: memory.tag_key(c))

    async def prune(self, *, finished_before: datetime) -> int:
        """Forget probes that ended before then and cannot arrive any more, totals excepted; return how many."""
        forgotten = 0
        while few := await self._writer.write(
            lambda c, _: claims.prune(c, finished_before=finished_before, now=self._clock.now())
        ):
            forgotten += few
        await self._writer.write(lambda c, _: history.prune(c, before=finished_before))
        await self._writer.write(lambda c, _: holds.prune(c, ended_before=finished_before))
        return forgotten

    async def close_books(self) -> None:
        """Finish what is being written and read, and let go of the database."""
        self._closed = True
        await self._writer.close()
        await asyncio.gather(*self._readings, return_exceptions=True)
        await self._database.dispose()

    async def _read(self, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise LedgerTrouble("the ledger is closed")
        # A driver that is cancelled in the middle of a statement leaves a connection nobody can use.
        reading = asyncio.create_task(self._database.read(work))
        self._readings.add(reading)
        reading.add_done_callback(self._has_read)
        return await asyncio.shield(reading)

    def _has_read(self, reading: asyncio.Task[Any]) -> None:
        self._readings.discard(reading)
        if not reading.cancelled():
            reading.exception()  # Looked at, so that nobody is told of it where its asker was cancelled meanwhile.
