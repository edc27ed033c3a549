"""Following the wall clock when it is set: what was under way then cannot be told any more."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from probe.ports import Clock

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=1)
LARGEST_DIFFERENCE = timedelta(seconds=1)
"""So much the clocks of those that share a ledger may differ from its own before that is told."""


async def follow(clock: Clock, clock_set: Callable[[timedelta], Awaitable[None]]) -> None:
    """Look for ever whether the wall clock was set, and tell by how much."""
    while True:
        await clock.sleep(EVERY.total_seconds())
        if step := clock.stepped():
            log.warning("the wall clock was set by %.1f s", step.total_seconds())
            await clock_set(step)


class Comparison:
    """Tell when our clock differs from that of the ledger, by which others are compared as well, and when no more."""

    def __init__(self) -> None:
        self._differs = False

    def compare(self, theirs: datetime, asked: datetime, answered: datetime) -> None:
        """Take note of what the clock of the ledger showed at some moment between two of ours."""
        off = max(asked - theirs, theirs - answered)
        differs = off > LARGEST_DIFFERENCE
        if differs and not self._differs:
            ahead = "ahead of" if asked > theirs else "behind"
            log.warning("our clock is %s that of the ledger by %.1f s", ahead, off.total_seconds())
        elif self._differs and not differs:
            log.info("our clock is that of the ledger again")
        self._differs = differs
