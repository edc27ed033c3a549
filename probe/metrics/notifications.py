"""The metrics of notifications: whether those who are to be told take what they are told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from probe.model.settings import NotifyKind


@dataclass(frozen=True, slots=True)
class Notifications:
    """What was posted since the start of the program, by kind of endpoint."""

    posted: Mapping[NotifyKind, int] = field(default_factory=dict)
    failures: Mapping[NotifyKind, int] = field(default_factory=dict)


def notification_metrics(notifications: Notifications) -> Iterator[Metric]:
    """Tell how much was taken, and how often nothing was."""
    yield _by_kind(
        "mailflow_notifications",
        "Alarms that Alertmanager or a webhook took, each time that they were told.",
        notifications.posted,
    )
    yield _by_kind(
        "mailflow_notification_failures",
        "Posts of alarms that were not taken; they are tried again.",
        notifications.failures,
    )


def _by_kind(name: str, about: str, counts: Mapping[NotifyKind, int]) -> Metric:
    family = CounterMetricFamily(name, about, labels=("kind",))
    for kind in NotifyKind:
        family.add_metric((kind.value,), counts.get(kind, 0))
    return family
