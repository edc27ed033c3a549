"""A token bucket for requests."""

from probe.model.settings import RateLimit


class Bucket:
    """Give one token per request, and no more than come back in time."""

    def __init__(self, limit: RateLimit) -> None:
        self._seconds = limit.interval.total_seconds()
        self._burst = float(limit.burst)
        self._tokens = self._burst
        self._counted = 0.0

    def take(self, now: float) -> bool:
        """Tell whether there is a token, and take it; ``now`` in seconds of a clock that only goes forward."""
        returned = (now - self._counted) / self._seconds
        self._tokens, self._counted = min(self._tokens + returned, self._burst), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
