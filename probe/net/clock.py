"""The real clock: wall time that neither jumps nor runs backwards, but when it is asked to follow."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_TOLERATED = timedelta(seconds=1)


class SystemClock:
    """Tell the time by the monotonic clock, anchored to the wall clock."""

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic_seconds = monotonic_seconds
        self._anchor()

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        wall, monotonic = self._anchored
        return wall + timedelta(seconds=self._monotonic_seconds() - monotonic)

    def stepped(self) -> timedelta:
        """Return by how much the wall clock was set since this was asked last, and follow it.

        Small corrections are not followed: they would make differences of moments untrue for nothing.
        """
        step = self._wall() - self.now()
        if abs(step) <= _TOLERATED:
            return timedelta(0)
        self._anchor()
        return step

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(max(seconds, 0))

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await event.wait()

    def _anchor(self) -> None:
        # One value, for threads ask as well.
        self._anchored = self._wall(), self._monotonic_seconds()
