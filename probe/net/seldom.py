"""What is told again and again, told now and then: nobody fills the log with it."""

import time
from collections.abc import Callable, Hashable

AGAIN_AFTER_SECONDS = 3600.0
MOST = 50
"""So many different things are told in that time, at most: anybody who reaches a port can make some up."""


class Seldom:
    """Tell of each thing whether it is to be told: once an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[Hashable, float] = {}

    def now(self, thing: Hashable) -> bool:
        """Tell whether something is to be told now, which is taken for told then."""
        now = self._clock()
        self._told = {told: at for told, at in self._told.items() if now - at < AGAIN_AFTER_SECONDS}
        if thing in self._told or len(self._told) >= MOST:
            return False
        self._told[thing] = now
        return True
