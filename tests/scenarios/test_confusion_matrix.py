"""The confusion matrix: whatever is broken on real servers, the right outcome, blame and ejection; see table.py."""

from collections.abc import Mapping
from statistics import median

import pytest

from tests.scenarios.played import Played
from tests.scenarios.running import play_all
from tests.scenarios.scenario import Scenario
from tests.scenarios.table import SCENARIOS
from tests.scenarios.times import BACK_WITHIN_SECONDS, OUT_WITHIN_SECONDS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

LABORATORIES = 3


@pytest.fixture(scope="module")
def matrix() -> Mapping[str, Played | Exception]:
    """Play all of them, several side by side."""
    return play_all(SCENARIOS, laboratories=LABORATORIES)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_outcomes_and_blame_are_right(matrix: Mapping[str, Played | Exception], scenario: Scenario) -> None:
    played = matrix[scenario.name]
    assert isinstance(played, Played), repr(played)
    assert played.wrong(scenario) == []


def test_haproxy_ejects_and_takes_back_in_the_time_that_is_promised(matrix: Mapping[str, Played | Exception]) -> None:
    played = [result for result in matrix.values() if isinstance(result, Played)]
    out = [seconds for each in played for seconds in each.ejections().values()]
    back = [seconds for each in played for seconds in each.returns().values()]

    # The median: one or the other may be late on a machine that plays many at the same time.
    assert len(out) == len(back) > 20
    assert median(out) < OUT_WITHIN_SECONDS
    assert median(back) < BACK_WITHIN_SECONDS
