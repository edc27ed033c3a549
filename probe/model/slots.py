"""When a member's turn comes: computed from the wall clock and a hash, never stored."""

import hashlib
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def round_at(now: datetime, interval: timedelta) -> int:
    """Return the number of the round that is going on: whole intervals since 1970."""
    return (now - EPOCH) // interval


def turn(round_number: int, interval: timedelta, *, route: str, member: str) -> datetime:
    """Return the moment of a member's turn: the start of the round, plus a phase that never changes."""
    return EPOCH + round_number * interval + phase(route, member) * interval


def extra_slot(now: datetime) -> int:
    """Return a slot outside the rounds, for a turn that a person asked for: far above every round's number."""
    return (now - EPOCH) // timedelta(microseconds=1)


def phase(route: str, member: str) -> float:
    """Return where in the interval a member stands, 0 to below 1: a hash, so that members spread evenly."""
    digest = hashlib.sha256(f"{route}\0{member}".encode()).digest()
    # 53 bits are what a float holds exactly: 64 of them could round up to a whole interval.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
