"""Moments as people are told of them."""

from datetime import UTC, datetime


def clock_time(at: datetime, *, since: datetime) -> str:
    """Write a moment in UTC, with its day if that is not the one on which things began."""
    at, since = at.astimezone(UTC), since.astimezone(UTC)
    return f"{at:%H:%M UTC}" if at.date() == since.date() else f"{at:%Y-%m-%d %H:%M UTC}"
