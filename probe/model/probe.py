"""A probe: one tagged message and its life, from being written into the ledger to its one outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from probe.model.letter import Sighting
from probe.model.outcome import Outcome, Stage
from probe.model.reply import Ending

PathKey = tuple[str, str, str]
"""Pool, member and route: a member on a route, as what is counted of it is labelled."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What is settled about a probe before its first byte is sent, and never changes."""

    id: str
    instance: str
    pool: str
    member: str
    route: str
    mailbox: str | None
    """None where nothing is sent: the member is only asked by MAIL and RCPT."""
    bounces: str | None
    """The mailbox that bounces come to."""
    slot: int
    """The round it belongs to; unique together with route and member."""
    endpoint: str
    """Address and port that are dialled."""
    expected: Outcome
    started: datetime
    deadline: datetime
    late_until: datetime
    body_digest: str | None = None
    """That of the text of its message, by which it is known later what was sent."""
    origin: str | None = None
    """How the address was known, in words."""
    origin_at: datetime | None = None
    """When it was looked up, if it was."""

    @property
    def key(self) -> PathKey:
        """Return the path that it was sent on."""
        return self.pool, self.member, self.route

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """Return those in which mail of this probe may arrive, each once."""
        return tuple(dict.fromkeys(name for name in (self.mailbox, self.bounces) if name))

    @property
    def only_asks(self) -> bool:
        """Tell whether nothing is sent."""
        return self.mailbox is None


@dataclass(frozen=True, slots=True)
class Sending:
    """What the ledger keeps of the last attempt to send a probe."""

    ending: Ending
    stage: Stage
    reason: str
    code: int | None = None
    enhanced_code: str | None = None
    first_byte: datetime | None = None
    accepted: datetime | None = None
    smtp_time: timedelta | None = None
    stages: Mapping[Stage, timedelta] = field(default_factory=dict)

    @property
    def reused(self) -> bool:
        """Tell whether it went over a connection that an earlier transaction had left open."""
        return Stage.MAIL in self.stages and Stage.CONNECT not in self.stages


@dataclass(frozen=True, slots=True)
class Judgement:
    """The one outcome of a probe, and why, in one sentence for a person."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """A probe with all that the ledger knows of it."""

    probe: Probe
    attempts: int = 0
    """How often it was tried and an ending was seen; 0 while the first try goes on, or was cut off."""
    next_attempt: datetime | None = None
    """When it will be tried again, if it will."""
    sending: Sending | None = None
    arrival: Sighting | None = None
    """The first copy that was seen."""
    judgement: Judgement | None = None
    finished: datetime | None = None
    bounce: Sighting | None = None
    """The first report that it could not be delivered."""

    @property
    def acceptance_time(self) -> timedelta | None:
        """Return the time from the start of the probe, over all its attempts, to the member taking its message."""
        if self.sending is None or self.sending.accepted is None:
            return None
        return max(self.sending.accepted - self.probe.started, timedelta(0))

    @property
    def delivery_time(self) -> timedelta | None:
        """Return the time from the first byte sent to the message being seen."""
        if self.arrival is None:
            return None
        began = self.probe.started
        if self.sending and self.sending.first_byte:
            began = self.sending.first_byte
        return max(self.arrival.seen - began, timedelta(0))

    @property
    def succeeded(self) -> bool:
        """Tell whether it ended as its route expects."""
        return self.judgement is not None and self.judgement.outcome is self.probe.expected
