"""The confusion matrix: whatever is broken on real servers, the right outcome and the right blame; see table.py."""

from collections.abc import Mapping

import pytest

from tests.scenarios.playing import Played
from tests.scenarios.running import play_all
from tests.scenarios.scenario import Scenario
from tests.scenarios.table import SCENARIOS

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
