"""Notices when the whole program stood still: what ran out of time meanwhile says nothing about a server."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

_BEAT_SECONDS = 0.25


class Standstill:
    """Add up for how long the event loop did not run, while somebody wants to know."""

    def __init__(self) -> None:
        self._interested = 0
        self._lost_seconds = 0.0
        self._due = 0.0
        """When the next beat should come, by time.monotonic()."""

    @contextmanager
    def noticed(self) -> Iterator[Callable[[], timedelta]]:
        """Give what tells for how long the program has stood still since the block began."""
        if not self._interested:
            self._plan()
        self._interested += 1
        before = self._lost()
        try:
            yield lambda: timedelta(seconds=self._lost() - before)
        finally:
            self._interested -= 1
            if not self._interested:
                self._beat.cancel()

    def _plan(self) -> None:
        self._due = time.monotonic() + _BEAT_SECONDS
        self._beat = asyncio.get_running_loop().call_later(_BEAT_SECONDS, self._beaten)

    def _beaten(self) -> None:
        self._lost_seconds = self._lost()
        self._plan()

    def _lost(self) -> float:
        # A time-out that fell due earlier is heard before the beat that is late for the same reason.
        return self._lost_seconds + max(time.monotonic() - self._due, 0)
