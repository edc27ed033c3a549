"""What those who are notified were told to be wrong, so that they hear of its end after a restart, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from probe.ledger.columns import moment, since_epoch
from probe.ledger.engine import insert
from probe.ledger.schema import notified
from probe.model.alarm import Alarm, AlarmKey, AlarmKind


def alarms_told(connection: Connection, instance: str, endpoint: str) -> Sequence[Alarm]:
    """Return what an endpoint was told to be wrong, and not yet that it is over."""
    mine = notified.c.instance == instance, notified.c.endpoint == endpoint
    found = connection.execute(select(notified.c.alarms).where(*mine)).scalar_one_or_none() or ()
    # Another version of the program may have had more kinds.
    return [_read(each) for each in found if each["kind"] in set(AlarmKind)]


def set_alarms_told(connection: Connection, instance: str, endpoint: str, alarms: Sequence[Alarm]) -> None:
    """Remember all that an endpoint was told to be wrong; nothing takes no room."""
    mine = notified.c.instance == instance, notified.c.endpoint == endpoint
    if not alarms:
        connection.execute(delete(notified).where(*mine))
        return
    changed = {"alarms": [_written(alarm) for alarm in alarms]}
    statement = insert(connection.dialect.name, notified).values(instance=instance, endpoint=endpoint, **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=list(notified.primary_key), set_=changed))


def _written(alarm: Alarm) -> Mapping[str, Any]:
    return {
        "kind": alarm.key.kind,
        "labels": alarm.key.labels,
        "reason": alarm.reason,
        "since": since_epoch(alarm.since) if alarm.since else None,
    }


def _read(alarm: Mapping[str, Any]) -> Alarm:
    key = AlarmKey(AlarmKind(alarm["kind"]), tuple((name, value) for name, value in alarm["labels"]))
    return Alarm(key, alarm["reason"], None if alarm["since"] is None else moment(alarm["since"]))
