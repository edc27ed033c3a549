"""What a load balancer is answered, by verdict, config and whether the probe is being stopped."""

from datetime import UTC, datetime

import pytest

from probe.model.answer import Answer, answer
from probe.model.outcome import State
from probe.model.settings import UnknownIs
from probe.model.verdict import Verdict

NOW = datetime(2026, 11, 26, tzinfo=UTC)
UP, DOWN, UNKNOWN = (Verdict(state, f"it is {state}", NOW) for state in (State.UP, State.DOWN, State.UNKNOWN))


@pytest.mark.parametrize("last", [None, *State])
@pytest.mark.parametrize("unknown_is", UnknownIs)
def test_who_is_up_or_down_is_answered_so_whatever_was_before(unknown_is: UnknownIs, last: State | None) -> None:
    assert answer(UP, unknown_is=unknown_is, last=last) == Answer(UP, in_service=True)
    assert answer(DOWN, unknown_is=unknown_is, last=last) == Answer(DOWN, in_service=False)


@pytest.mark.parametrize(
    "unknown_is, last, in_service, unchanged",
    [
        (UnknownIs.UP, None, True, False),
        (UnknownIs.UP, State.UP, True, False),
        (UnknownIs.UP, State.DOWN, True, False),  # a release: who heard "down" would stay with it
        (UnknownIs.DOWN, None, False, False),
        (UnknownIs.DOWN, State.UP, False, False),
        (UnknownIs.DOWN, State.DOWN, False, False),
        (UnknownIs.HOLD, None, True, True),
        (UnknownIs.HOLD, State.UP, True, True),
        (UnknownIs.HOLD, State.DOWN, False, True),
    ],
)
def test_when_nobody_can_tell_the_owner_decides(
    unknown_is: UnknownIs, last: State | None, in_service: bool, unchanged: bool
) -> None:
    assert answer(UNKNOWN, unknown_is=unknown_is, last=last) == Answer(UNKNOWN, in_service, unchanged)


@pytest.mark.parametrize("last, in_service", [(None, True), (State.UP, True), (State.DOWN, False)])
def test_after_a_hold_nobody_is_left_with_the_word_of_the_operator(last: State | None, in_service: bool) -> None:
    given = answer(UNKNOWN, unknown_is=UnknownIs.HOLD, last=last, by_hand=True)
    assert given == Answer(UNKNOWN, in_service, unchanged=False)


@pytest.mark.parametrize(
    "verdict, unknown_is, last",
    [(DOWN, UnknownIs.UP, State.DOWN), (UNKNOWN, UnknownIs.DOWN, None), (UNKNOWN, UnknownIs.HOLD, State.DOWN)],
)
def test_whoever_is_kept_out_is_released(verdict: Verdict, unknown_is: UnknownIs, last: State | None) -> None:
    given = answer(verdict, unknown_is=unknown_is, last=last, released=True)
    assert (given.in_service, given.unchanged, given.verdict.state) == (True, False, State.UP)
    assert given.verdict.reason == (
        f"the probe is being stopped, and calls nobody down any more; before: {verdict.reason}"
    )


@pytest.mark.parametrize(
    "verdict, unknown_is, last",
    [(UP, UnknownIs.UP, State.UP), (UNKNOWN, UnknownIs.UP, State.DOWN), (UNKNOWN, UnknownIs.HOLD, None)],
)
def test_of_others_a_release_only_says_aloud_that_they_are_up(
    verdict: Verdict, unknown_is: UnknownIs, last: State | None
) -> None:
    assert answer(verdict, unknown_is=unknown_is, last=last, released=True) == Answer(verdict, in_service=True)
