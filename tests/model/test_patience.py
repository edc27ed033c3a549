"""How long a member is waited for."""

from dataclasses import replace
from datetime import timedelta
from math import ceil

import pytest

from probe.model.patience import longest_try
from tests.model.build import SECOND, route

FALL = 3


def patience(*times: tuple[float, float], failures: int = 0) -> timedelta | None:
    """Return the longest try for routes of these intervals and deadlines, in seconds."""
    routes = [replace(route(), interval=interval * SECOND, deadline=deadline * SECOND) for interval, deadline in times]
    return longest_try(routes, failures=failures, fall=FALL)


@pytest.mark.parametrize(
    "interval, deadline, first, next_ones",
    [
        (60, 300, 294, 54),  # the defaults: far more than the time-outs
        (2, 5, 4.8, 1.8),
        (1, 10, 9.9, 0.9),
        (5, 5, 4.5, 4.5),
        (20, 10, 9, 18),  # such a try is over by its deadline
    ],
)
def test_the_first_try_may_take_its_time_and_those_that_confirm_it_only_until_the_next_turn(
    interval: float, deadline: float, first: float, next_ones: float
) -> None:
    assert patience((interval, deadline)) == first * SECOND
    for failures in range(1, FALL):
        assert patience((interval, deadline), failures=failures) == next_ones * SECOND


@pytest.mark.parametrize("failures, seconds", [(2, 1.8), (3, 4.8), (4, 1.8), (6, 4.8)])
def test_after_so_many_that_a_member_is_called_down_the_next_one_may_take_its_time_again(
    failures: int, seconds: float
) -> None:
    assert patience((2, 5), failures=failures) == seconds * SECOND


@pytest.mark.parametrize("interval", [0.5, 1, 2])
@pytest.mark.parametrize("intervals_until_the_deadline", [1, 2, 3, 10])
def test_so_many_tries_are_over_in_time(interval: float, intervals_until_the_deadline: int) -> None:
    # Given
    deadline = interval * intervals_until_the_deadline
    over, turn = 0.0, interval

    # When
    for failures in range(FALL):
        longest = patience((interval, deadline), failures=failures)
        assert longest is not None
        over = turn + min(longest.total_seconds(), deadline)
        turn = ceil(over / interval) * interval

    # Then
    assert over <= FALL * interval + deadline + 2


def test_the_most_impatient_route_decides() -> None:
    assert patience((60, 300), (2, 5), failures=1) == 1.8 * SECOND
    assert patience((60, 300), (2, 5)) == 4.8 * SECOND


def test_a_pool_without_routes_has_no_turns() -> None:
    assert patience() is None
