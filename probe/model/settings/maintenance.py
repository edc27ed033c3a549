"""When members are under maintenance, as it was planned."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Weekly:
    """Again and again, by what the clocks of a place show."""

    days: frozenset[int]
    """On which it begins; 0 is Monday."""
    begins: timedelta
    """Since midnight."""
    ends: timedelta
    """Since midnight; of the next day, where it is not later than it begins."""
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class OnceOnly:
    """From one moment to another."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Work on members that was planned."""

    pool: str
    when: Weekly | OnceOnly
    why: str
    members: tuple[str, ...] = ()
    """None: all of the pool."""
