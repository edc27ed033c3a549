"""What is counted of notifications."""

from probe.metrics.notifications import Notifications, notification_metrics
from probe.model.settings import NotifyKind


def told(notifications: Notifications) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels["kind"]): sample.value
        for family in notification_metrics(notifications)
        for sample in family.samples
    }


def test_every_kind_is_there_from_the_start_at_0() -> None:
    counted = told(Notifications())
    assert counted == dict.fromkeys(counted, 0)
    assert {kind for _, kind in counted} == {"alertmanager", "webhook"}


def test_what_was_taken_and_what_was_not_is_told_apart() -> None:
    counted = told(Notifications({NotifyKind.WEBHOOK: 3}, {NotifyKind.ALERTMANAGER: 2}))
    assert counted["mailflow_notifications_total", "webhook"] == 3
    assert counted["mailflow_notification_failures_total", "alertmanager"] == 2
    assert sum(counted.values()) == 5
