"""Settling: what was sent and what was seen come together here, and every probe gets its one outcome.

An attempt that ended, a message that was read, a deadline that passed, a clock that was set, a restart: whatever may
decide a probe ends in ``Settler._settle``, and nothing else closes one.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from probe.engine.examining import Examiner
from probe.engine.eyes import Eyes
from probe.engine.flight import Flight
from probe.engine.happenings import Attempted, Ended, Reporter, Seen, Stranger
from probe.model.judge import disturbed, is_left_to_its_sender, judge
from probe.model.letter import Kind, Letter, Place, Sighting, recognise
from probe.model.outcome import Outcome
from probe.model.probe import Probe, Record
from probe.model.reply import Attempt
from probe.model.report import Report
from probe.model.settings import TagKey
from probe.model.tag import Tag
from probe.ports import Clock, Event, Ledger, ReportReader, Sighted

log = logging.getLogger(__name__)

LONG = 64 * 1024
"""Octets of a body from which on nobody on the loop waits until it is compared."""

STRANGERS = 10_000
"""Messages of others that are remembered per mailbox, so that each counts once however often it is read."""


class Settler:
    """Take attempts and letters, keep them in the ledger, and close the probes that they decide."""

    def __init__(
        self,
        ledger: Ledger,
        flight: Flight,
        reports: ReportReader,
        examiner: Examiner,
        *,
        clock: Clock,
        report: Reporter,
        keys: Sequence[TagKey],
        instance: str,
    ) -> None:
        self._ledger = ledger
        self._flight = flight
        self._reports = reports
        self._examiner = examiner
        self._clock = clock
        self._report = report
        self._keys = keys
        self._instance = instance
        self._eyes = Eyes()
        self._strangers: dict[str, dict[Place, None]] = defaultdict(dict)
        self._disturbed: dict[str, timedelta] = {}
        """Probes in flight over which the wall clock was set, and by how much."""

    async def attempted(self, probe: Probe, attempt: Attempt, *, number: int, next_attempt: datetime | None) -> None:
        """Take what an attempt to send came to, to be settled next; raises LedgerTrouble, then offer it again."""
        await self._ledger.record_attempt(probe.id, attempt, next_attempt=next_attempt)
        self._report(Attempted(probe, attempt, number))

    async def settle(self, probe: Probe) -> None:
        """Close a probe if the ledger knows enough of it; raises LedgerTrouble, then it must be tried again."""
        record = await self._ledger.record(probe.id)
        if record and record.judgement is None:
            self._flight.put(record)
        # Not before: an attempt that ended, and of which the flight does not know how, looks like one that was cut off.
        self._flight.sending(probe.id, on=False)
        if known := self._flight.get(probe.id):
            await self._settle(known)

    async def take(self, mailbox: str, letters: Iterable[Letter], *, rescan: bool) -> None:
        """Take what was read in a mailbox; raises LedgerTrouble, then it must be read again."""
        told: list[tuple[Letter, Tag]] = []
        async with asyncio.TaskGroup() as group:
            for letter in letters:
                kind, tag = recognise(letter, self._keys)
                if tag is None:
                    self._meet(letter.place, kind)
                elif kind is Kind.REPORT:
                    told.append((letter, tag))
                else:
                    group.create_task(self._arrived(letter, tag, rescan))
                # Nobody who asks for a verdict waits until hundreds of long headers are looked through.
                await asyncio.sleep(0)
        # Afterwards: a message that lies in the inbox was delivered, whatever came back as well.
        async with asyncio.TaskGroup() as group:
            for letter, tag in told:
                if report := await self._reports.read(letter):
                    group.create_task(self._sight(_told(letter, tag, report), tag, rescan))
                else:
                    self._meet(letter.place, Kind.REPLY)

    async def watched(self, mailbox: str, until: datetime, *, since: datetime | None = None) -> None:
        """Take note that all folders of a mailbox were read completely, the readings begun at that moment.

        With ``since`` what came before that may still lie among what was not read yet.
        """
        self._eyes.saw(mailbox, until, since=since)
        await self.settle_overdue(mailbox)

    def blinded(self, mailbox: str, why: str) -> None:
        """Take note that a mailbox cannot be read, and why, as a sentence."""
        self._eyes.blind(mailbox, why)

    async def clock_set(self, step: timedelta) -> None:
        """Take note that the wall clock was set: of what is in flight nobody can tell any more."""
        self._eyes.forget()
        in_flight = self._flight.all()
        self._disturbed.update((record.probe.id, step) for record in in_flight)
        for record in in_flight:
            await self._settle(record)

    async def settle_overdue(self, mailbox: str | None) -> None:
        """Close what can be closed of the probes whose deadline has passed; raises LedgerTrouble."""
        for overdue in self._flight.past_deadline(mailbox, at=self._clock.now()):
            # While others were closed, more may have become known of this one.
            if record := self._flight.get(overdue.probe.id):
                await (self._settle(record) if self._is_ours(record) else self._take_over(record))

    def hear(self, record: Record) -> None:
        """Take note of a probe that is closed in the ledger, whoever did that; told once."""
        if self._flight.drop(record.probe.id):
            self._disturbed.pop(record.probe.id, None)
            self._report(Ended(record))

    async def _arrived(self, letter: Letter, tag: Tag, rescan: bool) -> None:
        await self._sight(await self._examined(letter, tag.probe_id), tag, rescan)

    async def _sight(self, sighting: Sighting, tag: Tag, rescan: bool) -> None:
        what, record = await self._ledger.sight(sighting, rescan=rescan)
        if what is Sighted.NOT_OURS or record is None:
            unknown = Kind.FOREIGN if sighting.report else Kind.FORGED
            self._meet(sighting.place, unknown if tag.is_of(self._instance) else Kind.OTHER_INSTANCE)
            return
        if what not in (Sighted.KNOWN, Sighted.DUPLICATE) and sighting.report is None:
            self._examiner.remember(record.probe, sighting)
        if what is not Sighted.KNOWN:
            self._report(Seen(record, sighting, what))
        if record.judgement is None:
            self._flight.put(record)
            await self._settle(record)

    async def _examined(self, letter: Letter, probe_id: str) -> Sighting:
        record = self._flight.get(probe_id) or await self._ledger.record(probe_id)
        examine = partial(self._examiner.examine, letter, probe_id, record.probe if record else None)
        try:
            return await asyncio.to_thread(examine) if len(letter.body) > LONG else examine()
        except Exception:
            # It is read again as long as it lies there: one message must not blind its mailbox.
            log.exception("a message of ours cannot be examined", extra={"probe": probe_id})
            return Sighting(probe_id, letter.place, letter.seen, letter.internal_date, letter.size)

    def _meet(self, place: Place, kind: Kind) -> None:
        """Tell of a message of somebody else, once: POP3 reads all of a mailbox again after every trouble."""
        met = self._strangers[place.mailbox]
        if place in met:
            return
        met[place] = None
        if len(met) > STRANGERS:
            del met[next(iter(met))]
        self._report(Stranger(place.mailbox, kind))

    async def _take_over(self, record: Record) -> None:
        """Close a probe of another instance, if that did not come to it."""
        # How its sending went, the ledger knows.
        if not is_left_to_its_sender(record, now=self._clock.now()):
            await self.settle(record.probe)

    def _is_ours(self, record: Record) -> bool:
        return record.probe.instance == self._instance

    async def _settle(self, record: Record) -> None:
        probe, now = record.probe, self._clock.now()
        if self._flight.is_sending(probe.id):
            return  # How the attempt ends is known in a moment, even where the message came before the reply.
        if not self._is_ours(record) and is_left_to_its_sender(record, now=now):
            return
        watched_until = self._eyes.seen_until(probe)
        blind = self._eyes.why_blind(probe.mailbox)
        step = self._disturbed.get(probe.id)
        judgement = disturbed(step) if step else judge(record, now=now, watched_until=watched_until, blind=blind)
        if judgement is None:
            return
        if judgement.outcome is Outcome.MISSING and watched_until:
            read = Event(watched_until, "read", f"all of {probe.mailbox} that is watched, and it was not there")
            await self._ledger.note(probe.id, read)
        closed = await self._ledger.close(probe.id, judgement, at=now)
        # Another process may have closed it; its books are ours.
        closed = closed or await self._ledger.record(probe.id)
        if closed and closed.judgement:
            self.hear(closed)
        else:
            self._flight.drop(probe.id)


def _told(letter: Letter, tag: Tag, report: Report) -> Sighting:
    return Sighting(tag.probe_id, letter.place, letter.seen, letter.internal_date, letter.size, report=report)
