"""The program tells a real Alertmanager, or a webhook, by itself, without a Prometheus."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.monitoring import alertmanager, free_port
from tests.e2e.pager import pager
from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

WITHIN_SECONDS = 60


def test_alertmanager_is_told_of_a_member_that_discards_until_it_is_repaired(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    # Given an Alertmanager that is not there when it is needed
    port = free_port()
    told = {"webhook": f"http://127.0.0.1:{port}/api/v2/alerts", "kind": "alertmanager", "after": "100ms"}
    program = launch(notify=[told], health={"rise": 1, "fall": 2, "stale_after": "5m"})
    lab.member("mta2").discard()
    eventually(lambda: program.health("mta2") == 503, within_seconds=WITHIN_SECONDS, what="mta2 to be down")
    eventually(lambda: failures(program) >= 1, within_seconds=WITHIN_SECONDS, what="a post that nobody takes")

    with alertmanager(tmp_path, port=port) as manager:
        # Then it hears of it as soon as it is there
        eventually(manager.alerts, within_seconds=WITHIN_SECONDS, what="the alarm")
        [alert] = manager.alerts()
        assert alert["labels"] == {
            "alertname": "MailflowMemberDown",
            "severity": "warning",
            "instance": "lab",
            "pool": "vip",
            "member": "mta2",
        }
        assert "missing" in alert["annotations"]["description"]
        assert alert["generatorURL"] == f"http://{program.listen}/health/vip/mta2"

        # And a program that was killed tells the same one again, so that it goes on
        program.kill()
        program.start()
        eventually(lambda: taken(program) >= 1, within_seconds=WITHIN_SECONDS, what="the alarm told again")
        [again] = manager.alerts()
        assert (again["fingerprint"], again["startsAt"]) == (alert["fingerprint"], alert["startsAt"])

        # When the member is repaired, it is over
        lab.member("mta2").heal()
        eventually(lambda: not manager.alerts(), within_seconds=WITHIN_SECONDS, what="the alarm to be over")
        assert program.health("mta2") == 200

    assert program.log().count("notifications are not taken") == 1


def test_an_alarm_stays_while_nobody_can_tell_and_ends_though_the_end_came_while_the_program_was_stopped(
    lab: Laboratory, launch: Launch
) -> None:
    with pager() as paged:
        # Given a webhook that was told of a member
        program = launch(
            notify=[{"webhook": paged.url, "after": "100ms"}],
            health={"rise": 1, "fall": 2, "stale_after": "6s", "on_shutdown": "hold"},
        )
        mta2 = {"alertname": "MailflowMemberDown", "member": "mta2"}
        lab.member("mta2").discard()
        paged.wait_for("firing", within_seconds=WITHIN_SECONDS, **mta2)

        # When its mailbox is gone, so that it is unknown
        lab.dovecot.stop()
        eventually(lambda: verdict(program) == "unknown", within_seconds=WITHIN_SECONDS, what="mta2 to be unknown")
        paged.wait_for("firing", within_seconds=WITHIN_SECONDS, alertname="MailflowMailboxUnreadable")

        # And all is repaired while the program is stopped
        program.stop()
        lab.dovecot.start()
        lab.member("mta2").heal()
        assert [alert.status for alert in paged.told() if mta2.items() <= alert.labels.items()] == ["firing"]
        program.start()

        # Then the end of both is told, and nothing twice
        paged.wait_for("resolved", within_seconds=WITHIN_SECONDS, **mta2)
        paged.wait_for("resolved", within_seconds=WITHIN_SECONDS, alertname="MailflowMailboxUnreadable")
        assert [alert.status for alert in paged.told() if mta2.items() <= alert.labels.items()] == [
            "firing",
            "resolved",
        ]


def verdict(program: Program) -> str:
    return str(program.get("/health/vip/mta2").json()["verdict"])


def failures(program: Program) -> float:
    return program.metrics().total("mailflow_notification_failures_total", kind="alertmanager")


def taken(program: Program) -> float:
    return program.metrics().total("mailflow_notifications_total", kind="alertmanager")
