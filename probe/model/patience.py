"""How long a try at a member may last, so that one that hangs is called down in time, and no slow one is."""

from collections.abc import Iterable
from datetime import timedelta

from probe.model.settings import Route

SHARE = 0.9
"""Of an interval: its next turn must find a try ended, though it comes by chance a little early."""


def longest_try(routes: Iterable[Route], *, failures: int, fall: int) -> timedelta | None:
    """Return how long a try at a member of a pool with these routes may last; None without any.

    A turn that meets a try under way is skipped, so that `fall` tries at a frozen member, each until its time-out,
    would take far longer than fall x interval + deadline. The first one may take its time: who is slow has not failed
    as long as mail arrives. Those that only confirm it, after ``failures`` in a row, are over before the next turn.
    After `fall` of them one may take its time again: it may find a slow member that came back.
    """
    patience = _until_the_next_turn if failures % fall else _until_the_deadline
    return min(map(patience, routes), default=None)


def _until_the_next_turn(route: Route) -> timedelta:
    return SHARE * route.interval


def _until_the_deadline(route: Route) -> timedelta:
    """Return a little less, for a turn may come right then."""
    return max(route.deadline - (1 - SHARE) * route.interval, SHARE * route.deadline)
