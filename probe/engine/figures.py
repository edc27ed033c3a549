"""The figures that the board keeps: per member and route, per member, per mailbox, per pool."""

from bisect import bisect_left
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from probe.model.letter import Folder, Hop
from probe.model.outcome import OF_SENDING, Outcome, Stage, State
from probe.model.probe import PathKey
from probe.model.settings import Member
from probe.model.tls_findings import Finding
from probe.model.trouble import Quota, Trouble
from probe.model.verdict import Verdict
from probe.ports import Tally, Total

DELIVERY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds in seconds."""
ACCEPTANCE_BUCKETS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds in seconds."""
SMTP_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds."""


@dataclass(slots=True)
class Histogram:
    """Counts of durations by upper bound, each in the first bucket that holds it; the last is unbounded."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    sum_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def observe(self, duration: timedelta) -> None:
        """Count one duration."""
        seconds = duration.total_seconds()
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum_seconds += seconds

    def copy(self) -> "Histogram":
        """Return a histogram with the same counts that does not change with this one."""
        return Histogram(self.bounds, self.counts.copy(), self.sum_seconds)


@dataclass(slots=True)
class PathFigures:
    """What was counted on one path: a member on a route."""

    started: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(OF_SENDING, 0))
    failures: int = 0
    late: int = 0
    duplicates: int = 0
    late_bounces: int = 0
    retries: int = 0
    skipped: int = 0
    path_changes: int = 0
    success: bool | None = None
    """Whether the last finished probe ended as expected; None before the first."""
    last_probe: datetime | None = None
    last_delivery: datetime | None = None
    delivery: Histogram = field(default_factory=lambda: Histogram(DELIVERY_BUCKETS))
    acceptance: Histogram = field(default_factory=lambda: Histogram(ACCEPTANCE_BUCKETS))
    smtp: Histogram = field(default_factory=lambda: Histogram(SMTP_BUCKETS))
    stages: dict[Stage, timedelta] = field(default_factory=dict)
    """Those of the last attempt."""
    hops: tuple[Hop, ...] = ()
    """Those of the last message that was seen, the oldest first."""
    authentication: tuple[tuple[str, str], ...] = ()
    """SPF, DKIM and DMARC of the last message that was seen, as far as they were told."""

    @property
    def finished(self) -> int:
        """Return how many probes have their outcome."""
        return sum(self.outcomes.values())

    @property
    def in_flight(self) -> int:
        """Return how many probes have none yet."""
        return self.started - self.finished

    def restore(self, total: Total) -> None:
        """Take up what was counted before a restart."""
        match total.tally:
            case Tally.STARTED:
                self.started = total.count
            case Tally.OUTCOME:
                assert total.outcome is not None
                self.outcomes[total.outcome] = total.count
            case Tally.FAILED:
                self.failures = total.count
            case Tally.LATE:
                self.late = total.count
            case Tally.DUPLICATE:
                self.duplicates = total.count
            case Tally.LATE_BOUNCE:
                self.late_bounces = total.count
            case Tally.RETRY:
                self.retries = total.count
            case Tally.SKIPPED:
                self.skipped = total.count
            case Tally.PATH_CHANGED:
                self.path_changes = total.count
            case Tally.STATE_CHANGED:
                pass  # of the member, not of a path
            case _:
                assert_never(total.tally)

    def copy(self) -> "PathFigures":
        """Return the same figures, that do not change with these."""
        return PathFigures(
            self.started,
            self.outcomes.copy(),
            self.failures,
            self.late,
            self.duplicates,
            self.late_bounces,
            self.retries,
            self.skipped,
            self.path_changes,
            self.success,
            self.last_probe,
            self.last_delivery,
            self.delivery.copy(),
            self.acceptance.copy(),
            self.smtp.copy(),
            self.stages.copy(),
            self.hops,
            self.authentication,
        )


MOST_GONE = 5_000
"""Paths of members gone from a pool whose figures are kept: one that comes back goes on counting where it was."""


def forgettable(paths: Mapping[PathKey, PathFigures], pool: str, members: Container[str]) -> list[PathKey]:
    """Return the paths of members gone from a pool whose figures are too many; none with a probe in flight."""
    gone = [(of, member, route) for of, member, route in paths if of == pool and member not in members]
    return [key for key in gone[: max(len(gone) - MOST_GONE, 0)] if not paths[key].in_flight]


@dataclass(frozen=True, slots=True)
class MemberFigures:
    """What is known of a member."""

    member: Member
    verdict: Verdict | None = None
    held: State | None = None
    """The last verdict that was up or down, for a load balancer that is to hold it while nobody can tell.

    Never one that an operator gave: that ends with the hold.
    """
    by_hand: bool = False
    """Whether an operator called it up or down since."""
    certificate_expiry: datetime | None = None
    starttls_injections: int = 0
    """How often plain text came in front of the handshake."""
    findings: tuple[Finding, ...] | None = None
    """On its TLS; None where that is not judged, for its pool is not of exchangers."""

    def judged(self, verdict: Verdict, before: Verdict | None) -> "MemberFigures":
        """Return the figures of a member that is judged anew; ``before`` may be from before a restart."""
        figures = self if self.verdict or before is None else self._remembering(before)
        return replace(figures._remembering(verdict), verdict=verdict)

    def _remembering(self, verdict: Verdict) -> "MemberFigures":
        if verdict.state is State.UNKNOWN:
            return self
        return replace(self, by_hand=True) if verdict.hold else replace(self, held=verdict.state, by_hand=False)


@dataclass(frozen=True, slots=True)
class MailboxFigures:
    """What is known of a mailbox."""

    up: bool = False
    tried: bool = False
    """Whether it was tried at all, well or not."""
    troubles: tuple[Trouble, ...] = ()
    """What is wrong with it now, also where it can be read."""
    last_read: datetime | None = None
    messages: int = 0
    """In all watched folders."""
    backlog: int = 0
    """Of these at most so many are older ones that have not been read yet."""
    quota: Quota | None = None
    spared: frozenset[Folder] = frozenset()
    """The folders from which nothing is deleted, because they look like a person's."""
    foreign: int = 0
    forged: int = 0
    replies: int = 0
    """Answers of programs and bounces of bounces."""

    @property
    def trouble(self) -> str | None:
        """Return all that is wrong with it, in words."""
        return "; ".join(trouble.text for trouble in self.troubles) or None
