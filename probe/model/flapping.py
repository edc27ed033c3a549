"""Flapping: who is called up and down again and again must prove itself for longer before it is called up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from probe.model.settings import HealthPolicy

FLAPPING = "it is flapping"
WITHIN_INTERVALS = 30
"""How long a change counts: what is often for who is probed each minute is seldom for who is probed each second."""
FREE = 6
"""Changes within that time, up or down, that cost nothing: three failures and three returns."""
MOST_ROWS = 8
MOST_NEEDED = 30
"""So many rows of good probes, and so many good probes, are needed at the most."""


@dataclass(frozen=True, slots=True)
class Damping:
    """What the changes of a member come to, and how long it has to be good until it is called up."""

    changes: int
    """Within the last intervals."""
    needed: int
    """So many good probes in a row."""
    too_many: bool

    @property
    def words(self) -> str:
        """Say that it is flapping, as a clause; empty where it is not."""
        if not self.too_many:
            return ""
        return (
            f"{FLAPPING}: {self.changes} changes within {WITHIN_INTERVALS} intervals, "
            f"so that {self.needed} good probes in a row are needed to call it up"
        )


def damping_by(changes: Iterable[datetime], policy: HealthPolicy, *, interval: timedelta, now: datetime) -> Damping:
    """Say what the moments at which a member was called up or down come to: one more row for each that is too many."""
    # Both ways: a clock that was set back leaves moments that lie ahead.
    recent = sum(abs(now - at) <= WITHIN_INTERVALS * interval for at in changes)
    rows = min(1 + max(recent - FREE, 0), MOST_ROWS)
    return Damping(recent, max(policy.rise, min(rows * policy.rise, MOST_NEEDED)), rows > 1)
