"""A hold: the word of an operator on a member, that goes before the evidence for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from probe.model.moments import clock_time
from probe.model.outcome import State

LONGEST_HOLD = timedelta(days=30)
LONGEST_WHY = 200
"""Characters that say why a member is held."""
LONGEST_BY = 64
"""Characters of the name of who holds it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A member is what somebody says that it is, until then."""

    state: State
    why: str
    by: str
    since: datetime
    until: datetime
    released: datetime | None = None
    """When it was ended before its time."""
    released_by: str | None = None

    def __post_init__(self) -> None:
        if not timedelta(0) < self.until - self.since <= LONGEST_HOLD:
            raise ValueError(f"a hold lasts more than no time, and {LONGEST_HOLD.days} days at most")
        if not 0 < len(self.why) <= LONGEST_WHY:
            raise ValueError(f"why a member is held is said in 1 to {LONGEST_WHY} characters")
        if not 0 < len(self.by) <= LONGEST_BY:
            raise ValueError(f"who holds a member has a name of 1 to {LONGEST_BY} characters")

    def lasts(self, now: datetime) -> bool:
        """Tell whether it has not ended yet."""
        return self.released is None and now < self.until

    @property
    def sentence(self) -> str:
        """Say it in words."""
        return f"held {self.state} by hand until {clock_time(self.until, since=self.since)}, by {self.by}: {self.why}"
