"""What is noted of verdicts, and for what cause."""

from dataclasses import replace

import pytest

from probe.model.history import LONGEST_REASON, Cause, Change, change
from probe.model.hold import Hold
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.verdict import Verdict
from tests.model.build import MINUTE, NOW

HOLD = Hold(State.UP, "a new disk", "ann", NOW - MINUTE, NOW + 60 * MINUTE)
LONGER = replace(HOLD, since=NOW)
RELEASED = replace(HOLD, released=NOW, released_by="bob")
WINDOW = Window("patching", NOW - MINUTE, NOW + 60 * MINUTE)

UP = Verdict(State.UP, "fine", NOW, ("a",))
GUARDED = replace(UP, guarded=True)
DOWN = Verdict(State.DOWN, "it fails", NOW, ("b",))
UNKNOWN = Verdict(State.UNKNOWN, "stale", NOW)
HELD = replace(UP, hold=HOLD)
MAINTAINED = replace(UP, maintenance=WINDOW)


def noted(verdict: Verdict, last: Change | None = None, *, starting: bool = False, ended: Hold | None = None) -> Change:
    found = change(last, verdict, pool="vip", member="mta1", at=NOW, starting=starting, ended=ended)
    assert found
    return found


@pytest.mark.parametrize(
    "before, verdict, starting, cause",
    [
        (None, UNKNOWN, True, Cause.START),
        (None, HELD, True, Cause.HOLD),
        (UP, UP, True, None),
        (UP, UP, False, None),
        (UP, replace(UP, reason="still fine", evidence=("c",)), False, None),
        (UP, UNKNOWN, True, Cause.START),
        (UP, UNKNOWN, False, Cause.STALENESS),
        (UP, DOWN, False, Cause.EVIDENCE),
        (DOWN, UP, False, Cause.EVIDENCE),
        (UP, GUARDED, False, Cause.GUARD),
        (DOWN, GUARDED, False, Cause.GUARD),
        (GUARDED, UP, False, Cause.GUARD),
        (GUARDED, DOWN, False, Cause.EVIDENCE),
        (UP, HELD, False, Cause.HOLD),
        (DOWN, HELD, False, Cause.HOLD),
        (HELD, HELD, True, None),
        (HELD, replace(HELD, reason="its probes say something else"), False, None),
        (HELD, replace(UP, hold=LONGER), False, Cause.HOLD),
        (HELD, UP, False, Cause.RELEASE),
        (HELD, DOWN, True, Cause.RELEASE),
        (UP, MAINTAINED, False, Cause.MAINTENANCE),
        (MAINTAINED, MAINTAINED, True, None),
        (MAINTAINED, DOWN, False, Cause.MAINTENANCE),
    ],
)
def test_a_change_has_one_cause_and_what_is_none_is_not_noted(
    before: Verdict | None, verdict: Verdict, starting: bool, cause: Cause | None
) -> None:
    last = noted(before) if before else None
    found = change(last, verdict, pool="vip", member="mta1", at=NOW, starting=starting)
    assert (found.cause if found else None) is cause


def test_a_change_keeps_what_the_verdict_rests_on() -> None:
    assert noted(DOWN, noted(UP)) == Change(
        NOW, "vip", "mta1", State.UP, State.DOWN, Cause.EVIDENCE, "it fails", ("b",)
    )


def test_who_held_a_member_and_who_released_it_is_noted() -> None:
    held = noted(HELD, noted(DOWN))
    assert (held.by, held.before, held.after) == ("ann", State.DOWN, State.UP)
    released = noted(DOWN, held, ended=RELEASED)
    assert (released.by, released.reason) == ("bob", "released by bob; it fails")


@pytest.mark.parametrize("ended", [HOLD, None], ids=["ended by itself", "forgotten"])
def test_a_hold_that_ended_by_itself_is_nobodys_doing(ended: Hold | None) -> None:
    released = noted(DOWN, noted(HELD), ended=ended)
    assert (released.by, released.reason) == (None, "the time of its hold is over; it fails")


@pytest.mark.parametrize(
    "last, verdict, counts",
    [(None, UP, False), (UP, GUARDED, False), (UP, DOWN, True), (UP, UNKNOWN, True), (HELD, UP, False)],
)
def test_only_another_state_counts_as_a_change_of_it(last: Verdict | None, verdict: Verdict, counts: bool) -> None:
    assert noted(verdict, noted(last) if last else None).counts is counts


def test_a_reason_is_bounded() -> None:
    assert len(noted(replace(DOWN, reason="x" * 5000)).reason) == LONGEST_REASON
