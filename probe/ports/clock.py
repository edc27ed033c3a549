"""Time, as the engine asks for it."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time, so that rules are tested without sleeping."""

    def now(self) -> datetime:
        """Return the time of day in UTC; differences are true, but over what ``stepped`` tells of."""

    def stepped(self) -> timedelta:
        """Return by how much the wall clock was set since this was asked last, and follow it; mostly by nothing."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds; at once, but not without a turn of the loop, for 0 and less."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, or after so many seconds."""
