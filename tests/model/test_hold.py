from datetime import timedelta

import pytest

from probe.model.hold import LONGEST_BY, LONGEST_HOLD, LONGEST_WHY, Hold
from probe.model.outcome import State
from tests.model.build import MINUTE, NOW, SECOND

HOUR = 60 * MINUTE


def hold(*, why: str = "a new disk", by: str = "ann", lasts: timedelta = HOUR) -> Hold:
    return Hold(State.UP, why, by, NOW, NOW + lasts)


@pytest.mark.parametrize("lasts", [timedelta.resolution, LONGEST_HOLD])
def test_a_hold_lasts_up_to_a_month(lasts: timedelta) -> None:
    assert hold(lasts=lasts).until == NOW + lasts


@pytest.mark.parametrize("lasts", [timedelta(0), -SECOND, LONGEST_HOLD + timedelta.resolution])
def test_a_hold_of_no_time_or_without_an_end_is_none(lasts: timedelta) -> None:
    with pytest.raises(ValueError, match="a hold lasts more than no time, and 30 days at most"):
        hold(lasts=lasts)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"why": ""}, "why a member is held"),
        ({"why": "x" * (LONGEST_WHY + 1)}, "why a member is held"),
        ({"by": ""}, "who holds a member"),
        ({"by": "x" * (LONGEST_BY + 1)}, "who holds a member"),
    ],
    ids=str,
)
def test_why_and_who_are_required_and_bounded(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        hold(**wrong)  # type: ignore[arg-type]  # it names texts only
    assert hold(why="x" * LONGEST_WHY, by="x" * LONGEST_BY)


def test_a_hold_ends_by_its_time_or_when_it_is_released() -> None:
    assert hold().lasts(NOW + HOUR - timedelta.resolution)
    assert not hold().lasts(NOW + HOUR)
    released = Hold(State.UP, "a new disk", "ann", NOW, NOW + HOUR, released=NOW + MINUTE, released_by="bob")
    assert not released.lasts(NOW + MINUTE)


@pytest.mark.parametrize(
    "lasts, until",
    [(11 * HOUR, "23:00 UTC"), (12 * HOUR, "2026-03-02 00:00 UTC")],
    ids=["on the same day", "on another day"],
)
def test_it_is_said_who_holds_a_member_why_and_until_when(lasts: timedelta, until: str) -> None:
    assert hold(lasts=lasts).sentence == f"held up by hand until {until}, by ann: a new disk"
