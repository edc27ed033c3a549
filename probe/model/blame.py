"""The one place that decides what the probes of a round and its neighbours prove together.

A failed probe speaks against its member only while others, at the same time, show that what they share works:
members of the same route for what happens to a message, any member at all for what happens to a connection.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from probe.model.judge import SPEAKS_AT_STAGE
from probe.model.outcome import Outcome, Stage


@dataclass(frozen=True, slots=True)
class Finished:
    """What a finished probe contributes as evidence."""

    probe_id: str
    pool: str
    member: str
    route: str
    outcome: Outcome
    expected: Outcome
    started: datetime
    finished: datetime
    interval: timedelta
    """That of its route."""
    reason: str
    stage: Stage | None = None
    """The stage that decided a refusal or a failed connection."""
    code: int | None = None
    enhanced_code: str | None = None

    @property
    def succeeded(self) -> bool:
        """Tell whether it ended as expected."""
        return self.outcome is self.expected

    @property
    def failed(self) -> bool:
        """Tell whether it ended otherwise than expected, and somebody can tell."""
        return not self.succeeded and self.outcome is not Outcome.UNKNOWN


class Weight(StrEnum):
    """What a finished probe says about its member."""

    FOR = "for"
    AGAINST = "against"
    NEITHER = "neither"


def weigh(probe: Finished, others: Iterable[Finished]) -> Weight:
    """Say what a probe says about its member, in the light of the probes of other members."""
    if probe.succeeded:
        return Weight.FOR
    if not _can_speak_against(probe):
        return Weight.NEITHER
    return Weight.AGAINST if _others_fare_better(probe, others) else Weight.NEITHER


def shared_fault(latest: Sequence[Finished]) -> bool:
    """Tell whether the members of a pool fail alike: two or more, and none of them as expected.

    ``latest`` holds the latest probe of each member on one route that somebody can tell of.
    """
    outcomes = {probe.outcome for probe in latest}
    return len(latest) > 1 and len(outcomes) == 1 and all(probe.failed for probe in latest)


def _can_speak_against(probe: Finished) -> bool:
    match probe.outcome:
        case Outcome.UNKNOWN | Outcome.JUNKED:
            return False
        case Outcome.REJECTED | Outcome.DEFERRED:
            return probe.stage is not None and SPEAKS_AT_STAGE[probe.stage]
        case (
            Outcome.DELIVERED  # where a refusal was expected: it takes what the others refuse
            | Outcome.ALTERED
            | Outcome.MISROUTED
            | Outcome.BOUNCED
            | Outcome.MISSING
            | Outcome.UNREACHABLE
        ):
            return True
        case _:
            assert_never(probe.outcome)


def _others_fare_better(probe: Finished, others: Iterable[Finished]) -> bool:
    """Ask those whose turn came in the interval after the probe's; if there are none, those before it.

    What began to fail for all is not held against the first that met it: the next ones meet it too.
    """
    earlier: bool | None = None
    later: bool | None = None
    for other in others:
        if not _comparable(probe, other):
            continue
        distance = other.started - probe.started
        window = max(probe.interval, other.interval)
        if timedelta(0) <= distance <= window:
            later = later or _fares_better(probe, other)
        elif -window <= distance:
            earlier = earlier or _fares_better(probe, other)
        if later:
            return True
    return bool(earlier) if later is None else later


def _comparable(probe: Finished, other: Finished) -> bool:
    if (other.pool, other.member) == (probe.pool, probe.member) or other.outcome is Outcome.UNKNOWN:
        return False
    # Any connection anywhere shows that our own network works.
    return probe.outcome is Outcome.UNREACHABLE or other.route == probe.route


def _fares_better(probe: Finished, other: Finished) -> bool:
    if probe.outcome is Outcome.UNREACHABLE:
        return other.outcome is not Outcome.UNREACHABLE
    return other.succeeded or other.outcome in _BETTER[probe.outcome]


_ARRIVED = frozenset({Outcome.DELIVERED, Outcome.JUNKED, Outcome.ALTERED, Outcome.MISROUTED})
_ACCEPTED = _ARRIVED | {Outcome.BOUNCED, Outcome.MISSING}
_BETTER: dict[Outcome, frozenset[Outcome]] = {
    Outcome.REJECTED: _ACCEPTED,
    Outcome.DEFERRED: _ACCEPTED,
    Outcome.MISSING: _ARRIVED,
    Outcome.BOUNCED: _ARRIVED,
    Outcome.ALTERED: frozenset({Outcome.DELIVERED, Outcome.JUNKED}),
    Outcome.MISROUTED: frozenset({Outcome.DELIVERED, Outcome.JUNKED}),
    Outcome.DELIVERED: frozenset(),
}
"""Which outcomes of another member show that a failure is not shared."""
