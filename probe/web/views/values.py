"""Moments and durations, as JSON has them."""

from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Write a moment as RFC 3339 in UTC."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None


def seconds(duration: timedelta | None) -> float | None:
    """Write a duration as a number of seconds."""
    return None if duration is None else duration.total_seconds()
