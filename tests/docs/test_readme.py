"""The README is short, and what it has in short is what the other pages have in full."""

import shlex

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.docs.pages import GRAFANA_IN_SHORT, IN_SHORT, README, TESTS, Place

LONGEST = 450
"""Lines: two screens to understand, some more to copy from, and the way to everything else."""


def test_it_stays_short() -> None:
    assert len(README.read_text().splitlines()) <= LONGEST, "move what is not for everybody to a page of its own"


@pytest.mark.parametrize("short, whole", IN_SHORT.items(), ids=[short.title for short in IN_SHORT])
def test_a_recipe_in_short_is_part_of_the_whole_one(short: Place, whole: Place) -> None:
    shown = [block for language in ("haproxy", "keepalived", "sh", "yaml") for block in blocks(short.text, language)]
    assert shown
    assert [block for block in shown if block not in whole.text] == []


def test_the_files_that_grafana_is_given_are_there() -> None:
    (commands,) = blocks(GRAFANA_IN_SHORT.text, "sh")
    copied = [shlex.split(line)[1] for line in commands.splitlines() if line.startswith("cp ")]
    assert copied
    assert [pattern for pattern in copied if not list(ROOT.glob(pattern))] == []


def test_ci_runs_the_test_command_that_is_shown() -> None:
    assert blocks(TESTS.text, "sh") == ["make test\n"]
    assert (ROOT / ".ci" / "run").read_text().endswith("\nexec make test\n")
