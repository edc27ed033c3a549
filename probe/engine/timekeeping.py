"""Following the wall clock when it is set: what was under way then cannot be told any more."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from probe.ports import Clock

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=1)


async def follow(clock: Clock, clock_set: Callable[[timedelta], Awaitable[None]]) -> None:
    """Look for ever whether the wall clock was set, and tell by how much."""
    while True:
        await clock.sleep(EVERY.total_seconds())
        if step := clock.stepped():
            log.warning("the wall clock was set by %.1f s", step.total_seconds())
            await clock_set(step)
