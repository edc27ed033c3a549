"""How long a silent member is waited for."""

from dataclasses import replace
from datetime import timedelta
from math import ceil

import pytest

from probe.model.silence import RESERVE, longest_silence
from tests.model.build import SECOND, route


def silence(*times: tuple[float, float], fall: int = 3) -> timedelta | None:
    """Return the longest silence for routes of these intervals and deadlines, in seconds."""
    routes = [replace(route(), interval=interval * SECOND, deadline=deadline * SECOND) for interval, deadline in times]
    return longest_silence(routes, fall=fall)


@pytest.mark.parametrize(
    "interval, deadline, fall, seconds",
    [
        (60, 300, 3, 108),  # the defaults: far more than the time-outs
        (2, 5, 3, 1.8),
        (2, 4, 2, 1.8),
        (2, 4.49, 2, 1.8),
        (2, 4.5, 2, 3.6),
        (0.5, 2, 3, 1.35),
        (10, 1, 3, 9),  # never less than its turn gives it
        (2, 5, 1, 5.4),
    ],
)
def test_it_is_as_long_as_the_promised_ejection_leaves_it(
    interval: float, deadline: float, fall: int, seconds: float
) -> None:
    assert silence((interval, deadline), fall=fall) == seconds * SECOND


@pytest.mark.parametrize("fall", [1, 2, 3, 5])
@pytest.mark.parametrize("interval", [0.5, 1, 2, 5, 60])
@pytest.mark.parametrize("deadlines_of_an_interval", [1, 1.5, 2, 3, 10])
def test_so_many_silences_are_over_in_time(interval: float, deadlines_of_an_interval: float, fall: int) -> None:
    deadline = interval * deadlines_of_an_interval
    each = silence((interval, deadline), fall=fall)

    assert each is not None
    between_tries = ceil(each / (interval * SECOND)) * interval * SECOND
    worst = interval * SECOND + (fall - 1) * between_tries + each
    assert worst <= (fall * interval + deadline) * SECOND + RESERVE


def test_the_most_impatient_route_decides() -> None:
    assert silence((60, 300), (2, 5)) == 1.8 * SECOND


def test_a_pool_without_routes_has_no_turns() -> None:
    assert longest_silence([], fall=3) is None
