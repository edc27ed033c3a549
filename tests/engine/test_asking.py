"""How soon a mailbox is asked again."""

from datetime import timedelta

import pytest

from probe.engine.asking import IDLE_POLL, pause
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND

PACE = timedelta(milliseconds=25)
MILLISECOND = timedelta(milliseconds=1)
NEVER = None


@pytest.mark.parametrize(
    "expected_for, deadline_in, waited",
    [
        (NEVER, NEVER, IDLE_POLL),
        # A tenth of the time on its way, but never faster than the protocol bears.
        (timedelta(0), NEVER, PACE),
        (10 * PACE, NEVER, PACE),
        (10 * PACE + 10 * MILLISECOND, NEVER, PACE + MILLISECOND),
        (20 * SECOND, NEVER, 2 * SECOND),
        (10 * IDLE_POLL, NEVER, IDLE_POLL),
        (11 * IDLE_POLL, NEVER, IDLE_POLL),
        # The clock was set back meanwhile.
        (-3600 * SECOND, NEVER, PACE),
        # Right after a deadline, even if it has passed.
        (NEVER, 3 * SECOND, 3 * SECOND + MILLISECOND),
        (NEVER, timedelta(0), MILLISECOND),
        (NEVER, -5 * SECOND, MILLISECOND),
        (NEVER, 3600 * SECOND, IDLE_POLL),
        # Whatever comes first.
        (20 * SECOND, SECOND, SECOND + MILLISECOND),
        (20 * SECOND, 5 * SECOND, 2 * SECOND),
    ],
)
def test_pauses(expected_for: timedelta | None, deadline_in: timedelta | None, waited: timedelta) -> None:
    expected_since = None if expected_for is None else NOON - expected_for
    next_deadline = None if deadline_in is None else NOON + deadline_in
    assert pause(NOON, expected_since=expected_since, next_deadline=next_deadline, pace=PACE) == waited
