"""How long each wait of an attempt may last."""

from dataclasses import dataclass
from datetime import timedelta

from probe.model.outcome import Stage
from probe.model.settings import Timeouts
from probe.smtp.log import Log

FAREWELL = timedelta(seconds=1)
"""What QUIT may take, and closing after it: both delay the news of a message that is on its way."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long one wait may last."""

    time: timedelta
    whole: timedelta | None
    """Set where it is the time for the whole attempt that ends it."""

    @property
    def seconds(self) -> float:
        """Return it as asyncio counts."""
        return self.time.total_seconds()

    def __str__(self) -> str:
        if self.whole is None:
            return f"within {_seconds(self.time)}"
        return f"before the {_seconds(self.whole)} for all of it were over"


class Deadlines:
    """Knows what each stage may take, and when everything must be over."""

    def __init__(self, timeouts: Timeouts, log: Log, *, end: timedelta) -> None:
        self._timeouts = timeouts
        self._log = log
        self._end = end

    def put_off(self, end: timedelta) -> None:
        """Let everything last longer: it had to wait for others."""
        self._end = end

    def limit(self, stage: Stage, *, tentative: bool = False) -> Limit:
        """Return how long the next wait may last; a tentative one leaves time for another way."""
        left = self._end - self._log.elapsed()
        if tentative:
            left /= 2
        longest = self._longest(stage)
        return Limit(longest, None) if longest <= left else Limit(max(left, timedelta()), self._end)

    def _longest(self, stage: Stage) -> timedelta:
        match stage:
            case Stage.CONNECT:
                return self._timeouts.connect
            case Stage.QUIT:
                return FAREWELL
            case _:
                return self._timeouts.reply


def _seconds(time: timedelta) -> str:
    return f"{round(time.total_seconds(), 1):g} s"
