"""Comparing our clock with that of the ledger."""

from datetime import datetime, timedelta

import pytest

from probe.engine.timekeeping import LARGEST_DIFFERENCE, Comparison
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND

TOOK = 4 * SECOND
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    "theirs, told",
    [
        (NOON, []),
        (NOON + TOOK, []),
        (NOON - LARGEST_DIFFERENCE, []),
        (NOON + TOOK + LARGEST_DIFFERENCE, []),
        (NOON - LARGEST_DIFFERENCE - TICK, ["our clock is ahead of that of the ledger by 1.0 s"]),
        (NOON + TOOK + LARGEST_DIFFERENCE + TICK, ["our clock is behind that of the ledger by 1.0 s"]),
    ],
)
def test_a_clock_differs_that_cannot_have_shown_that_while_it_was_asked(
    theirs: datetime, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    Comparison().compare(theirs, NOON, NOON + TOOK)
    assert caplog.messages == told


def test_that_clocks_differ_is_told_once_and_that_they_agree_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    comparison = Comparison()
    for ahead in (3, 4, 0, 0):
        comparison.compare(NOON - ahead * SECOND, NOON, NOON)
    assert caplog.messages == [
        "our clock is ahead of that of the ledger by 3.0 s",
        "our clock is that of the ledger again",
    ]
