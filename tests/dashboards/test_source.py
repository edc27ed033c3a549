"""The JSON that is shipped is what its description in Python gives."""

import pytest

from dashboards.source.dashboard import strip
from dashboards.source.every import DASHBOARDS, FOLDER, text_of
from dashboards.source.panels import graph
from tests.dashboards.boards import text_of_file


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_file_of_a_dashboard_is_what_the_source_gives(name: str) -> None:
    assert text_of_file(name) == text_of(DASHBOARDS[name]), "run `make dashboards`"


def test_no_file_is_without_a_source() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(DASHBOARDS)


@pytest.mark.parametrize("width", [12, 14])
def test_panels_that_do_not_fill_their_strip_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"Half and its neighbours are {width + 11} wide"):
        strip(8, graph("Half", "Half.", "up", "short").wide(width), graph("Rest", "Rest.", "up", "short").wide(11))
