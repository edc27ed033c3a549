"""Alarms in the words of those who are told: Alertmanager's API, and its own webhooks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from urllib.parse import quote

from probe.model.alarm import WORDINGS, Alarm, AlarmKind
from probe.model.settings import NotifyKind
from probe.net.text import printable

_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Origin:
    """Who tells of alarms."""

    instance: str
    link: str
    """The URL of its pages, without a slash at the end."""


def body(kind: NotifyKind, alarms: Sequence[Alarm], origin: Origin, *, until: datetime) -> bytes:
    """Return what is posted; ``until`` is how long what is not over is believed, if nothing more is heard."""
    match kind:
        case NotifyKind.ALERTMANAGER:
            told: Any = [_alert(alarm, origin, ends=alarm.over or until) for alarm in alarms]
        case NotifyKind.WEBHOOK:
            told = _notification(alarms, origin)
        case _:
            assert_never(kind)
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def _notification(alarms: Sequence[Alarm], origin: Origin) -> Mapping[str, Any]:
    """Return a notification as Alertmanager posts it, version 4: what was made for it understands us, too."""
    return {
        "version": "4",
        "groupKey": f"mailflow/{origin.instance}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alarm.over is None for alarm in alarms) else "resolved",
        "receiver": "mailflow",
        "groupLabels": {},
        "commonLabels": {"instance": origin.instance},
        "commonAnnotations": {},
        "externalURL": origin.link,
        "alerts": [
            {"status": "resolved" if alarm.over else "firing", **_alert(alarm, origin, ends=alarm.over)}
            for alarm in alarms
        ],
    }


def _alert(alarm: Alarm, origin: Origin, *, ends: datetime | None) -> Mapping[str, Any]:
    kind = alarm.key.kind
    return {
        "labels": {
            "alertname": kind.value,
            "severity": WORDINGS[kind].severity,
            "instance": origin.instance,
            **dict(alarm.key.labels),
        },
        "annotations": {
            "summary": WORDINGS[kind].summary,
            "description": printable(alarm.reason, _LONGEST_REASON),
            "runbook_url": f"docs/runbooks/{kind}.md",
        },
        "startsAt": _moment(alarm.since),
        "endsAt": _moment(ends),
        "generatorURL": f"{origin.link}/{_page(alarm)}",
    }


def _page(alarm: Alarm) -> str:
    match alarm.key.kind:
        case AlarmKind.MEMBER_DOWN | AlarmKind.VERDICT_GUARDED | AlarmKind.SHARED_FAULT:
            return f"health/{quote(alarm.key.page or '')}"
        case AlarmKind.MAILBOX_UNREADABLE:
            return "api/v1/mailboxes"
        case AlarmKind.LEDGER_FAILS:
            return "-/ready"
        case _:
            assert_never(alarm.key.kind)


def _moment(at: datetime | None) -> str:
    # Go's zero time, as Alertmanager writes what has not ended.
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else "0001-01-01T00:00:00Z"
