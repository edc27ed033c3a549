"""The history of verdicts: what changed, when, and for what cause."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from probe.model.hold import Hold
from probe.model.outcome import State
from probe.model.verdict import Verdict

LONGEST_REASON = 1000


class Cause(StrEnum):
    """Why a verdict changed."""

    EVIDENCE = "evidence"
    GUARD = "guard"
    """The member failed and is kept up, or is so no more."""
    HOLD = "hold"
    RELEASE = "release"
    """A hold ended, by its time or by hand."""
    MAINTENANCE = "maintenance"
    """A window was opened or closed."""
    START = "start"
    """The probe was started, or knows the member for the first time."""
    STALENESS = "staleness"
    """Nobody can tell any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the verdict on a member."""

    at: datetime
    pool: str
    member: str
    before: State | None
    """None for the first of all."""
    after: State
    cause: Cause
    reason: str
    evidence: tuple[str, ...] = ()
    guarded: bool = False
    by: str | None = None
    """Who held or released it."""
    hold_since: datetime | None = None
    """The hold that it is under afterwards, by its beginning."""
    in_maintenance: bool = False

    @property
    def counts(self) -> bool:
        """Tell whether the state itself is another one than before."""
        return self.before is not None and self.before is not self.after


def change(
    last: Change | None,
    verdict: Verdict,
    *,
    pool: str,
    member: str,
    at: datetime,
    starting: bool = False,
    ended: Hold | None = None,
) -> Change | None:
    """Return how a verdict differs from what was noted last; None where that is not worth a note.

    ``starting``: it is the first one since the program was started. ``ended`` is the hold that the member was under
    last, as it is known now.
    """
    cause = _cause(last, verdict, starting=starting)
    if cause is None:
        return None
    by, reason = verdict.hold.by if cause is Cause.HOLD and verdict.hold else None, verdict.reason
    if cause is Cause.RELEASE:
        by = ended.released_by if ended and ended.released else None
        reason = f"released by {by}; {reason}" if by else f"the time of its hold is over; {reason}"
    return Change(
        at=at,
        pool=pool,
        member=member,
        before=last.after if last else None,
        after=verdict.state,
        cause=cause,
        reason=reason[:LONGEST_REASON],
        evidence=verdict.evidence,
        guarded=verdict.guarded,
        by=by,
        hold_since=verdict.hold.since if verdict.hold else None,
        in_maintenance=verdict.maintenance is not None,
    )


def _cause(last: Change | None, verdict: Verdict, *, starting: bool) -> Cause | None:
    if verdict.hold and (last is None or last.hold_since != verdict.hold.since):
        return Cause.HOLD
    if last is None:
        return Cause.START
    if last.hold_since and not verdict.hold:
        return Cause.RELEASE
    if last.in_maintenance is not (verdict.maintenance is not None):
        return Cause.MAINTENANCE
    if last.after is verdict.state and last.guarded is verdict.guarded:
        return None
    if starting:
        return Cause.START
    if last.after is verdict.state or verdict.guarded:
        return Cause.GUARD
    return Cause.STALENESS if verdict.state is State.UNKNOWN else Cause.EVIDENCE
