"""When a probe is tried again: like a mail queue, later and later, and never at the same moment as others."""

from datetime import datetime, timedelta

from probe.model.failures import failure
from probe.model.reply import Attempt
from probe.model.settings import Retry

_SPREAD = 0.25


def next_attempt(
    attempt: Attempt, retry: Retry, *, number: int, now: datetime, deadline: datetime, chance: float
) -> datetime | None:
    """Return when to try again after this attempt, the ``number``-th, or None when that was the last one."""
    failed = failure(attempt)
    if failed is None or not failed.may_be_retried or number >= retry.attempts:
        return None
    due = now + back_off(retry, number, chance=chance)
    return due if due < deadline else None


def back_off(retry: Retry, failures: int, *, chance: float) -> timedelta:
    """Return how long to wait after so many failures in a row.

    ``chance`` is a random number, 0 to below 1: waiting times are never shorter than their exponential law, which
    greylisting needs, and up to a quarter longer.
    """
    doublings = min(failures - 1, 30)
    law: timedelta = min(retry.first * 2**doublings, retry.longest)
    return law * (1 + _SPREAD * chance)


def last_try(retry: Retry, *, attempts: int, due: datetime, deadline: datetime) -> datetime:
    """Return when the last try would come of a probe that was tried so often, if it waited for nothing but its own law.

    ``due`` is when the next one comes.
    """
    last = due
    for number in range(attempts + 1, retry.attempts):
        later = last + back_off(retry, number, chance=0)
        if later >= deadline:
            break
        last = later
    return last
