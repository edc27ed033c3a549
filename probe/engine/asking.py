"""How soon a mailbox is asked again while mail is expected in it.

The distance grows with the time that the youngest expected message is on its way, so that the error of its delivery
time stays a tenth of it; many expected messages merge into one steady beat, which the protocol's pace bounds.
"""

from datetime import datetime, timedelta

SHARE = 10
"""A reading follows after one tenth of the time waited so far."""

IDLE_POLL = timedelta(seconds=30)
"""How long a mailbox in which nothing is expected goes unread when its server stays silent."""

BETWEEN_SLICES = timedelta(milliseconds=20)
"""How long servers rest between two slices of a backlog."""


def pause(
    now: datetime, *, expected_since: datetime | None, next_deadline: datetime | None, pace: timedelta
) -> timedelta:
    """Return how long to wait before the next reading; right after a deadline there is always one."""
    longest = IDLE_POLL
    if expected_since is not None:
        longest = min(longest, max(pace, (now - expected_since) / SHARE))
    if next_deadline is not None:
        # The reading that decides about a probe must begin after its deadline, not at it.
        longest = min(longest, max(next_deadline - now, timedelta(0)) + timedelta(milliseconds=1))
    return longest
