"""Who is called up and down again and again must prove itself for longer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from probe.model.flapping import FREE, MOST_NEEDED, MOST_ROWS, WITHIN_INTERVALS, Damping, damping_by
from probe.model.settings import HealthPolicy
from tests.model.build import MINUTE, NOW, SECOND, TICK

POLICY = HealthPolicy(rise=2, fall=3)


def damped(changes: Sequence[datetime], policy: HealthPolicy = POLICY, *, interval: timedelta = MINUTE) -> Damping:
    return damping_by(changes, policy, interval=interval, now=NOW)


@pytest.mark.parametrize(
    "changes, needed, flapping",
    [
        (0, 2, False),
        (FREE, 2, False),
        (FREE + 1, 4, True),
        (FREE + 2, 6, True),
        (FREE + MOST_ROWS - 1, 2 * MOST_ROWS, True),
        (FREE + MOST_ROWS, 2 * MOST_ROWS, True),
        (1000, 2 * MOST_ROWS, True),
    ],
)
def test_each_change_too_many_costs_one_more_row(changes: int, needed: int, flapping: bool) -> None:
    moments = [NOW - number * timedelta(milliseconds=1) for number in range(changes)]
    found = damped(moments)
    assert (found.needed, found.too_many) == (needed, flapping)


@pytest.mark.parametrize("interval", [SECOND, MINUTE])
@pytest.mark.parametrize("past", [True, False])
@pytest.mark.parametrize("beyond, counts", [(timedelta(0), True), (TICK, False)])
def test_changes_count_for_so_many_intervals(interval: timedelta, past: bool, beyond: timedelta, counts: bool) -> None:
    age = WITHIN_INTERVALS * interval + beyond
    assert damped([NOW - age if past else NOW + age] * (FREE + 1), interval=interval).too_many is counts


@pytest.mark.parametrize("rise, needed", [(1, MOST_ROWS), (10, MOST_NEEDED), (50, 50)])
def test_no_more_is_asked_for_than_is_remembered(rise: int, needed: int) -> None:
    assert damped([NOW] * 100, HealthPolicy(rise=rise)).needed == needed


def test_it_says_so_in_words() -> None:
    assert damped([NOW - MINUTE] * 8).words == (
        "it is flapping: 8 changes within 30 intervals, so that 6 good probes in a row are needed to call it up"
    )
    assert damped([NOW - MINUTE] * FREE).words == ""
