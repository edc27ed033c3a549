"""Windows of maintenance: whether one is open now, and until when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from probe.model.moments import clock_time
from probe.model.settings import Maintenance, OnceOnly, Weekly

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A time of maintenance, once its days and hours are moments."""

    why: str
    since: datetime
    until: datetime

    @property
    def sentence(self) -> str:
        """Say it in words."""
        return f"in maintenance until {clock_time(self.until, since=self.since)}: {self.why}"


def open_windows(plans: Iterable[Maintenance], pool: str, names: Iterable[str], *, now: datetime) -> dict[str, Window]:
    """Return the window that each of these members of a pool is in; of several the one that ends last."""
    members = list(names)
    windows: dict[str, Window] = {}
    for plan in plans:
        if plan.pool != pool or (window := _open(plan, now)) is None:
            continue
        for name in members:
            known = windows.get(name)
            if (not plan.members or name in plan.members) and (known is None or known.until < window.until):
                windows[name] = window
    return windows


def _open(plan: Maintenance, now: datetime) -> Window | None:
    windows = (Window(plan.why, since, until) for since, until in _times(plan.when, now) if since <= now < until)
    return max(windows, key=lambda window: window.until, default=None)


def _times(when: Weekly | OnceOnly, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    if isinstance(when, OnceOnly):
        yield when.begins, when.ends
        return
    today = now.astimezone(when.zone).date()
    # One that began the day before may go on; and where clocks are set at midnight, one of tomorrow may have begun.
    for day in (today - _DAY, today, today + _DAY):
        if day.weekday() in when.days:
            yield _span(when, day)


def _span(when: Weekly, day: date) -> tuple[datetime, datetime]:
    """Return from when to when it lasts that begins on a day.

    Where the clocks are set back it lasts from the first time that they show its beginning to the last time that they
    show its end; what they leave out when they are set forward comes as much later.
    """
    begins = _moments(day, when.begins, when.zone)[0]
    ends = max(_moments(day if when.ends > when.begins else day + _DAY, when.ends, when.zone))
    return begins, ends


def _moments(day: date, since_midnight: timedelta, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when clocks show a time; where they are set, by the offset before that and by the one after it."""
    shown = datetime.combine(day, time()) + since_midnight
    before, after = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return before, after
