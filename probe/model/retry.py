"""When a probe is tried again: like a mail queue, later and later, and never at the same moment as others."""

from datetime import datetime

from probe.model.reply import Ending
from probe.model.settings import Retry

RETRIABLE = frozenset({Ending.REFUSED_FOR_NOW, Ending.UNREACHABLE})
"""Before the final dot, or refused for now: the server certainly does not own the message (RFC 5321 4.2.5)."""

_SPREAD = 0.25


def next_attempt(
    ending: Ending, retry: Retry, *, number: int, now: datetime, deadline: datetime, chance: float
) -> datetime | None:
    """Return when to try again after attempt ``number``, or None when that was the last one.

    ``chance`` is a random number, 0 to below 1: waiting times are never shorter than their exponential law, which
    greylisting needs, and up to a quarter longer.
    """
    if ending not in RETRIABLE or number >= retry.attempts:
        return None
    doublings = min(number - 1, 30)
    law = min(retry.first * 2**doublings, retry.longest)
    due = now + law * (1 + _SPREAD * chance)
    return due if due < deadline else None
