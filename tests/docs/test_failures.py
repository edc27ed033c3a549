"""The page of failures says what the program decides by."""

from probe.model.failures import TABLE
from tests.docs.failures import PAGE, page
from tests.docs.markdown import tables


def test_the_page_is_written_from_the_table() -> None:
    assert PAGE.read_text() == page(), "run make docs"


def test_the_page_has_a_line_for_every_row() -> None:
    lines = [row.cells for table in tables(PAGE.read_text()) for row in table]
    assert [(cells[0].strip("`"), cells[-1]) for cells in lines] == [(row.stages, row.why) for row in TABLE]
