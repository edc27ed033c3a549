"""The one place that decides what the probes of a round and its neighbours prove together.

A failed probe speaks against its member only while other members, at the same time and on the same route, show that
what they share works.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Flag, StrEnum, auto
from functools import reduce
from operator import or_
from typing import assert_never

from probe.model import failures
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
    """That of the reply that decided it."""
    enhanced_code: str | None = None
    only_asks: bool = False
    """Nothing was sent: it was asked by MAIL and RCPT."""
    nameless: bool = False
    """It failed before anybody behind a VIP gave a name."""
    taken: bool = False
    """The member took its message."""
    under_way: bool = False
    """It was taken just now, and nobody knows yet what becomes of it."""

    @property
    def identity(self) -> tuple[str, str]:
        """Return pool and name of its member."""
        return self.pool, self.member

    @property
    def succeeded(self) -> bool:
        """Tell whether it ended as expected."""
        return self.outcome is self.expected

    @property
    def failed(self) -> bool:
        """Tell whether it ended otherwise than expected, and somebody can tell."""
        return not self.succeeded and self.outcome is not Outcome.UNKNOWN

    @property
    def out_of_reach(self) -> bool:
        """Tell whether it failed before anything was said that differs from route to route."""
        return self.outcome is Outcome.UNREACHABLE and self.stage in _BEFORE_THE_ENVELOPE

    @property
    def arrived_as_junk(self) -> bool:
        """Tell whether all worked but for a filter, that goes by content and reputation."""
        return self.outcome is Outcome.JUNKED and self.expected is Outcome.DELIVERED


class Weight(StrEnum):
    """What a finished probe says about its member."""

    FOR = "for"
    AGAINST = "against"
    NEITHER = "neither"


Weighed = tuple[Finished, Weight]


class Shown(Flag):
    """What probes of other members show about a failure."""

    NOTHING = 0
    ALIKE = auto()
    """Another one came no further."""
    BETTER = auto()
    """Another one came further, and failed as well."""
    WORKS = auto()
    """For another one all worked that is needed here."""

    @property
    def convicts(self) -> bool:
        """Tell whether the one that failed is to blame, and not what all of them share.

        Where it works for nobody, one cause may show in several ways: then only who is alone with the worst is.
        """
        return Shown.WORKS in self or self == Shown.BETTER


def weigh(probe: Finished, others: Iterable[Finished]) -> Weight:
    """Say what a probe says about its member, in the light of the probes of other members.

    What began to fail for all must not be held against the first that met it, for the next ones meet it too. So
    those are heard whose turn came within one interval after the probe's, and only where there are none, those before.
    """
    if probe.succeeded:
        return Weight.FOR
    # The probe's own interval, not the other's: else the first success after a long shared outage would convict
    # every probe of a frequent route that began before it.
    start, window = probe.started, probe.interval
    witnesses = [other for other in others if can_tell(other, probe)]
    later = [other for other in witnesses if start <= other.started <= start + window]
    earlier = [other for other in witnesses if start - window <= other.started < start]
    shown = reduce(or_, (shows(other, probe.outcome) for other in later or earlier), Shown.NOTHING)
    return Weight.AGAINST if shown.convicts and can_speak_against(probe) else Weight.NEITHER


def can_speak_against(probe: Finished) -> bool:
    """Tell whether a failure is one that a member can be blamed for, if others fare better."""
    if probe.nameless:
        return False
    match probe.outcome:
        case Outcome.UNKNOWN | Outcome.JUNKED:
            return False
        case Outcome.REJECTED | Outcome.DEFERRED | Outcome.UNREACHABLE:
            return failures.can_speak(probe.outcome, probe.stage, code=probe.code, enhanced_code=probe.enhanced_code)
        case (
            Outcome.DELIVERED  # where a refusal was expected: it takes what the others refuse
            | Outcome.ACCEPTED
            | Outcome.ALTERED
            | Outcome.MISROUTED
            | Outcome.BOUNCED
            | Outcome.MISSING
        ):
            return True
        case _:
            assert_never(probe.outcome)


def can_tell(other: Finished, probe: Finished) -> bool:
    """Tell whether a probe is of another member, and shows something that the two share to work or not."""
    if other.identity == probe.identity or other.route != probe.route:
        return False
    if other.outcome is not Outcome.UNKNOWN:
        return True
    # What was taken shows that a member can be reached, though its mailbox cannot be read. That it was not lost, and
    # that whoever refused it was therefore wrong to do so, must not be assumed while that may still become known.
    refused = probe.outcome in _REFUSED and not other.under_way
    return other.taken and (refused or probe.outcome is Outcome.UNREACHABLE)


def shows(other: Finished, outcome: Outcome) -> Shown:
    """Say what another probe shows about one that failed with this outcome."""
    if other.succeeded or other.arrived_as_junk:
        return Shown.WORKS
    if outcome is Outcome.UNREACHABLE:
        if other.outcome is Outcome.UNREACHABLE:
            return Shown.ALIKE
        # Who takes messages can be reached, whatever becomes of them; who refuses may have the same trouble.
        return Shown.BETTER if other.outcome in _REFUSED else Shown.WORKS
    return Shown.BETTER if other.outcome in _BETTER[outcome] else Shown.ALIKE


def shared_fault(latest: Sequence[Finished]) -> bool:
    """Tell whether no member of a pool works, of two or more, so that what they share is to blame.

    ``latest`` holds the latest probe of each member on one route that somebody can tell of. They need not fail alike:
    one cause shows in several ways, and one of them may have a fault of its own on top.
    """
    return len(latest) > 1 and all(probe.failed for probe in latest)


_BEFORE_THE_ENVELOPE = (None, Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS)
_ARRIVED = frozenset({Outcome.DELIVERED, Outcome.JUNKED, Outcome.ALTERED, Outcome.MISROUTED})
_TAKEN = _ARRIVED | {Outcome.ACCEPTED}
_REFUSED = frozenset({Outcome.REJECTED, Outcome.DEFERRED})
_BETTER: dict[Outcome, frozenset[Outcome]] = {
    # Who refuses what others accept and lose is the honest one.
    Outcome.REJECTED: _TAKEN | {Outcome.UNKNOWN},
    Outcome.DEFERRED: _TAKEN | {Outcome.UNKNOWN},
    Outcome.MISSING: _ARRIVED,
    Outcome.BOUNCED: _ARRIVED,
    Outcome.ALTERED: frozenset({Outcome.DELIVERED, Outcome.JUNKED}),
    Outcome.MISROUTED: frozenset({Outcome.DELIVERED, Outcome.JUNKED}),
    Outcome.DELIVERED: frozenset(),
    Outcome.JUNKED: frozenset(),
    Outcome.UNKNOWN: frozenset(),
    Outcome.ACCEPTED: frozenset(),
}
"""Which outcomes of another member, beside the expected one, show that a failure is not shared."""
