"""The probes in flight: a mirror of the ledger's open ones, arranged for what is asked of them all the time."""

import heapq
from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from probe.model.probe import Record

REMEMBERED = 30_000
"""Probes that are over, of which that is remembered: more than end between two looks into the ledger."""


class Flight:
    """Hold the probes that have no outcome yet."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._over: dict[str, None] = {}
        self._sending: set[str] = set()
        self._deadlines: dict[str | None, list[tuple[datetime, str]]] = defaultdict(list)
        self._overdue: dict[str | None, list[str]] = defaultdict(list)
        self._expected: dict[str, dict[str, datetime]] = defaultdict(dict)

    def all(self) -> list[Record]:
        """Return all open probes."""
        return list(self._records.values())

    def get(self, probe_id: str) -> Record | None:
        """Return an open probe as it was last known."""
        return self._records.get(probe_id)

    def put(self, record: Record) -> None:
        """Take in an open probe, or what is newly known of it; what was seen of it is never forgotten.

        One that was dropped stays dropped: it may have been read from the ledger before it was closed there.
        """
        probe = record.probe
        if self.is_over(probe.id):
            return
        known = self._records.get(probe.id)
        if known:
            # It may have been read from the ledger before the message, or its bounce, was written down there.
            record = replace(record, arrival=record.arrival or known.arrival, bounce=record.bounce or known.bounce)
        if probe.id not in self._records:
            heapq.heappush(self._deadlines[probe.mailbox], (probe.deadline, probe.id))
        self._records[probe.id] = record

    def drop(self, probe_id: str) -> bool:
        """Let go of a closed probe, also of one that was never held; False if that was done before."""
        if self.is_over(probe_id):
            return False
        self._over[probe_id] = None
        if len(self._over) > REMEMBERED:
            del self._over[next(iter(self._over))]
        if record := self._records.pop(probe_id, None):
            for mailbox in record.probe.mailboxes:
                self._expected[mailbox].pop(probe_id, None)
        return True

    def is_over(self, probe_id: str) -> bool:
        """Tell whether a probe was dropped, as far as that is remembered."""
        return probe_id in self._over

    def sending(self, probe_id: str, on: bool) -> None:
        """Remember whether this process is talking to a server about a probe."""
        (self._sending.add if on else self._sending.discard)(probe_id)

    def is_sending(self, probe_id: str) -> bool:
        """Tell whether this process is talking to a server about a probe."""
        return probe_id in self._sending

    def expect(self, probe_id: str, *, since: datetime) -> None:
        """Remember that a message was handed over: it, or its bounce, may arrive any moment."""
        if record := self._records.get(probe_id):
            for mailbox in record.probe.mailboxes:
                expected = self._expected[mailbox]
                expected.pop(probe_id, None)  # A probe that is expected again is the youngest.
                expected[probe_id] = since

    def expected_since(self, mailbox: str) -> datetime | None:
        """Return since when the youngest message is on its way that is expected in a mailbox, or its bounce is."""
        return next(reversed(self._expected[mailbox].values()), None)

    def next_deadline(self, mailbox: str, *, after: datetime) -> datetime | None:
        """Return the first deadline, not before a moment, of the probes that will come to a mailbox."""
        overdue = self.past_deadline(mailbox, at=after)
        passed = [record.probe.deadline for record in overdue if record.probe.deadline >= after]
        ahead = self._deadlines[mailbox]
        while ahead and ahead[0][1] not in self._records:
            heapq.heappop(ahead)
        return min([*passed, *(at for at, _ in ahead[:1])], default=None)

    def mailboxes(self) -> set[str | None]:
        """Return the mailboxes that probes were sent to, those too that are no longer configured.

        None is among them where something was asked, and not sent.
        """
        return set(self._deadlines)

    def past_deadline(self, mailbox: str | None, *, at: datetime) -> list[Record]:
        """Return the probes whose deadline lies before a moment; they stay in flight until dropped."""
        ahead, overdue = self._deadlines[mailbox], self._overdue[mailbox]
        while ahead and ahead[0][0] < at:
            overdue.append(heapq.heappop(ahead)[1])
        overdue[:] = [probe_id for probe_id in overdue if probe_id in self._records]
        return [self._records[probe_id] for probe_id in overdue]

    def oldest_start(self, mailbox: str) -> datetime | None:
        """Return when the oldest probe was started that will come to a mailbox, or whose bounce will."""
        starts = (record.probe.started for record in self._records.values() if mailbox in record.probe.mailboxes)
        return min(starts, default=None)
