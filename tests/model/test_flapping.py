"""Who is called up and down again and again must prove itself for longer."""

from datetime import timedelta

import pytest

from probe.model.flapping import FREE, MOST_NEEDED, MOST_ROWS, WITHIN, damping_by
from probe.model.settings import HealthPolicy
from tests.model.build import MINUTE, NOW, TICK

POLICY = HealthPolicy(rise=2, fall=3)


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
    found = damping_by(moments, POLICY, now=NOW)
    assert (found.needed, found.too_many) == (needed, flapping)


@pytest.mark.parametrize(
    "age, counts", [(WITHIN, True), (WITHIN + TICK, False), (-WITHIN, True), (-WITHIN - TICK, False)]
)
def test_changes_count_for_an_hour(age: timedelta, counts: bool) -> None:
    assert damping_by([NOW - age] * (FREE + 1), POLICY, now=NOW).too_many is counts


@pytest.mark.parametrize("rise, needed", [(1, MOST_ROWS), (10, MOST_NEEDED), (50, 50)])
def test_no_more_is_asked_for_than_is_remembered(rise: int, needed: int) -> None:
    assert damping_by([NOW] * 100, HealthPolicy(rise=rise), now=NOW).needed == needed


def test_it_says_so_in_words() -> None:
    assert damping_by([NOW - MINUTE] * 8, POLICY, now=NOW).words == (
        "it is flapping: 8 changes within an hour, so that 6 good probes in a row are needed to call it up"
    )
    assert damping_by([NOW - MINUTE] * FREE, POLICY, now=NOW).words == ""
