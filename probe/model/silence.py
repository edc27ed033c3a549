"""How long a member may keep silent at its turns, so that it is called down in time."""

from collections.abc import Iterable
from datetime import timedelta

from probe.model.settings import Route

RESERVE = timedelta(milliseconds=1500)
"""Of the two seconds that an ejection may take beyond fall x interval + deadline; balancers need the rest to ask."""
SHARE = 0.9
"""Of the intervals that a try may span: its next turn must find it ended, though it comes by chance a little early."""


def longest_silence(routes: Iterable[Route], *, fall: int) -> timedelta | None:
    """Return how long a member of a pool with these routes may take to greet, connecting included; None without any.

    A turn that meets a try under way is skipped. So a try of k intervals makes the next one k intervals later, and the
    last of `fall` tries ends after interval + (fall - 1) x k x interval + k x interval at most. That is promised to be
    over after fall x interval + deadline, and what is left of two seconds.
    """
    return min((_longest_on(route, fall) for route in routes), default=None)


def _longest_on(route: Route, fall: int) -> timedelta:
    spanned = (route.deadline + RESERVE + (fall - 1) * route.interval) // (fall * route.interval)
    return SHARE * max(spanned, 1) * route.interval
