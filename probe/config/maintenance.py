"""Maintenance in the config: times, planned beforehand, in which members are worked on."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from probe.config.fields import Line, Name, matched, schema_of, shown, text
from probe.config.problems import refusal
from probe.config.routes import PoolName
from probe.config.section import Section, one_of
from probe.model.settings import Maintenance, OnceOnly, Weekly

MOST = 100
"""Times of maintenance that may be planned."""

_TIME = r"([01][0-9]|2[0-4]):([0-5][0-9])"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
_ZONE = r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,31}){0,2}"


def _time(value: Any) -> timedelta:
    right = 'write "02:00", in quotes'
    hours, minutes = map(int, matched(text(value), _TIME, what="a time of day", right=right).groups())
    since_midnight = timedelta(hours=hours, minutes=minutes)
    if since_midnight > timedelta(days=1):
        raise refusal(f"{shown(value)} is not a time of day", 'write "24:00" at most')
    return since_midnight


def _moment(value: Any) -> datetime:
    # Written without quotes it is a timestamp to other readers of YAML, and the same one.
    wrong = refusal(f"{shown(value)} is not a moment", "write 2026-12-01T22:00:00Z, or +01:00 in place of Z")
    if not isinstance(value, str) or not re.fullmatch(_MOMENT, value):
        raise wrong
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise wrong from exc


def _zone(value: Any) -> tzinfo:
    right = "write a name such as Europe/Berlin, or UTC"
    name = matched(text(value), _ZONE, what="a time zone", right=right).group()
    if name == "UTC":
        return UTC  # known also where the system knows no zones
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise refusal(f"{shown(value)} is not a time zone that this system knows", right) from exc


TimeOfDay = Annotated[timedelta, PlainValidator(_time), schema_of(_TIME, "02:00")]
Moment = Annotated[datetime, PlainValidator(_moment), schema_of(_MOMENT, "2026-12-01T22:00:00Z")]
Zone = Annotated[tzinfo, PlainValidator(_zone), schema_of(_ZONE, "Europe/Berlin")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


class WeeklySection(Section):
    """Again and again, by what the clocks of a place show."""

    days: list[Day] = Field(default=list(DAYS), min_length=1)
    starts: TimeOfDay
    ends: TimeOfDay
    timezone: Zone = UTC

    @field_validator("ends")
    @classmethod
    def _takes_time(cls, ends: timedelta, info: ValidationInfo) -> timedelta:
        if ends == info.data.get("starts"):
            raise refusal("is the same as starts", 'write another time; a whole day is from "00:00" to "24:00"')
        return ends

    def when(self) -> Weekly:
        """Return when it is."""
        return Weekly(frozenset(map(DAYS.index, self.days)), self.starts, self.ends, self.timezone)


class OnceSection(Section):
    """From one moment to another."""

    starts: Moment
    ends: Moment

    @field_validator("ends")
    @classmethod
    def _comes_later(cls, ends: datetime, info: ValidationInfo) -> datetime:
        if ends <= info.data.get("starts", datetime.min.replace(tzinfo=UTC)):
            raise refusal("is not later than starts", "write a later moment")
        return ends

    def when(self) -> OnceOnly:
        """Return when it is."""
        return OnceOnly(self.starts, self.ends)


class MaintenanceSection(Section):
    """Work on members that is planned."""

    pool: PoolName
    members: Annotated[list[Name], Field(min_length=1)] | None = None
    why: Line
    weekly: WeeklySection | None = None
    once: OnceSection | None = Field(default=None, validate_default=True)

    @field_validator("once")
    @classmethod
    def _weekly_or_once(cls, once: OnceSection | None, info: ValidationInfo) -> OnceSection | None:
        return one_of(once, info, other="weekly")

    def plan(self) -> Maintenance:
        """Return what is planned."""
        times = self.weekly or self.once
        assert times is not None, "maintenance is weekly or once"
        return Maintenance(self.pool, times.when(), self.why, tuple(self.members or ()))
