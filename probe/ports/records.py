"""What goes into the ledger and comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from probe.model.history import Change
from probe.model.outcome import Outcome
from probe.model.probe import Record
from probe.model.reply import Exchange


class LedgerTrouble(Exception):
    """The ledger cannot be written or read; nothing may be sent. The message says why, in one sentence."""


class Sighted(StrEnum):
    """What a message that was seen is to its probe."""

    ARRIVAL = "arrival"
    """The first copy, and the probe is open."""
    LATE = "late"
    """The first copy, after the deadline: the probe ended as missing or unknown, or is about to."""
    AFTER_REFUSAL = "after_refusal"
    """The first copy, though the message had bounced, the member had refused it or was out of reach."""
    DUPLICATE = "duplicate"
    """A further copy."""
    KNOWN = "known"
    """The same message as before, read again."""
    BOUNCE = "bounce"
    """The first report that the message cannot be delivered, and the probe is open."""
    LATE_BOUNCE = "late_bounce"
    """The first such report, after the probe ended as missing or unknown."""
    REPORT = "report"
    """Any other report: of a delay, of what already bounced, or of what had ended in another way."""
    NOT_OURS = "not_ours"
    """No such probe, or not in this mailbox, or too late to be believed."""


class Tally(StrEnum):
    """What is counted for ever, per instance, pool, member and route."""

    STARTED = "started"
    OUTCOME = "outcome"
    FAILED = "failed"
    LATE = "late"
    DUPLICATE = "duplicate"
    LATE_BOUNCE = "late_bounce"
    RETRY = "retry"
    SKIPPED = "skipped"
    PATH_CHANGED = "path_changed"
    STATE_CHANGED = "state_changed"
    """Of a member, on no route."""


@dataclass(frozen=True, slots=True)
class Total:
    """One counted number."""

    pool: str
    member: str
    route: str
    tally: Tally
    outcome: Outcome | None
    """For Tally.OUTCOME only."""
    count: int


@dataclass(frozen=True, slots=True)
class CarriedForward:
    """What a start takes up from the ledger, all as it was at one moment."""

    totals: Sequence[Total]
    """What this instance has counted since its ledger was made."""
    recent: Sequence[Record]
    """The newest finished probes of each route and member, oldest first."""
    outstanding: Sequence[Record]
    """The probes that have no outcome yet, oldest first, whichever process started them."""
    closing: int
    """The number of the last closing."""


@dataclass(frozen=True, slots=True)
class Movements:
    """What happened in the ledger between two looks; probes by their ids."""

    open: Sequence[str]
    """Those of other instances that have no outcome yet."""
    closed: Sequence[str]
    """Those of any instance that got theirs, in that order."""
    closing: int
    """The number of the last closing."""
    at: datetime | None = None
    """When that was by the clock of the database, where that is another one."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line in the life of a probe."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Life:
    """All that the ledger knows of one probe, for explaining it."""

    record: Record
    events: Sequence[Event]
    transcripts: Sequence[Sequence[Exchange]]
    """One per attempt."""


LONGEST_PAGE = 1000
"""How many probes, or changes, a page has at most."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which probes are asked for; None asks for all."""

    pool: str | None = None
    member: str | None = None
    route: str | None = None
    outcome: Outcome | None = None
    limit: int = 100
    before: str | None = None
    """The cursor of the page before."""


@dataclass(frozen=True, slots=True)
class Page:
    """Probes, newest first, and the cursor of the next page."""

    records: Sequence[Record]
    next: str | None


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Which changes of verdicts are asked for; None asks for all."""

    pool: str | None = None
    member: str | None = None
    limit: int = 100
    before: str | None = None
    """The cursor of the page before."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of verdicts, newest first, and the cursor of the next page."""

    changes: Sequence[Change]
    next: str | None
