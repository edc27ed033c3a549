"""Alarms, and somebody to be told, for tests."""

from datetime import UTC, datetime, timedelta

from probe.model.alarm import Alarm, AlarmKey, AlarmKind
from probe.notify.bodies import Origin

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = Origin("probe-a", "http://192.0.2.50:9847")


def down(member: str = "mta1", *, over: datetime | None = None) -> Alarm:
    """A member that is down since noon."""
    key = AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", "vip"), ("member", member)))
    return Alarm(key, '3 probes in a row missing: <b>"x"\n', NOON, over)


def unreadable() -> Alarm:
    """A mailbox that cannot be read since noon."""
    return Alarm(AlarmKey(AlarmKind.MAILBOX_UNREADABLE, (("mailbox", "monitor"),)), "connection refused", NOON)


LATER = NOON + timedelta(minutes=4)
