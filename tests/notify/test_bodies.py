"""What is posted, to the letter."""

import json
from typing import Any

from probe.model.settings import NotifyKind
from probe.notify.bodies import body
from tests.notify.alarms import LATER, NOON, ORIGIN, down, ledger_fails, unreadable

MTA1 = {
    "labels": {
        "alertname": "MailflowMemberDown",
        "severity": "warning",
        "instance": "probe-a",
        "pool": "vip",
        "member": "mta1",
    },
    "annotations": {
        "summary": "A member is called down.",
        "description": '3 probes in a row missing: <b>"x"\\n',
        "runbook_url": "docs/runbooks/MailflowMemberDown.md",
    },
    "startsAt": "2026-03-01T12:00:00.000Z",
    "generatorURL": "http://192.0.2.50:9847/health/vip/mta1",
}


def posted(kind: NotifyKind, *alarms: Any) -> Any:
    return json.loads(body(kind, alarms, ORIGIN, until=LATER))


def test_alertmanager_is_told_until_when_it_may_believe_it() -> None:
    assert posted(NotifyKind.ALERTMANAGER, down()) == [MTA1 | {"endsAt": "2026-03-01T12:04:00.000Z"}]


def test_alertmanager_is_told_when_it_was_over() -> None:
    [alert] = posted(NotifyKind.ALERTMANAGER, down(over=NOON))
    assert alert["endsAt"] == "2026-03-01T12:00:00.000Z"


def test_a_webhook_is_told_in_the_form_of_alertmanager() -> None:
    told = posted(NotifyKind.WEBHOOK, down(), unreadable(), down("mta2", over=LATER))
    first, second, third = told.pop("alerts")
    assert told == {
        "version": "4",
        "groupKey": "mailflow/probe-a",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "mailflow",
        "groupLabels": {},
        "commonLabels": {"instance": "probe-a"},
        "commonAnnotations": {},
        "externalURL": "http://192.0.2.50:9847",
    }
    assert first == MTA1 | {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
    assert (second["labels"]["mailbox"], second["generatorURL"]) == ("monitor", f"{ORIGIN.link}/api/v1/mailboxes")
    assert (third["status"], third["endsAt"]) == ("resolved", "2026-03-01T12:04:00.000Z")


def test_what_is_wrong_with_the_program_itself_leads_to_its_own_page() -> None:
    [alert] = posted(NotifyKind.ALERTMANAGER, ledger_fails())
    assert alert["labels"] == {"alertname": "MailflowLedgerFails", "severity": "critical", "instance": "probe-a"}
    assert alert["generatorURL"] == f"{ORIGIN.link}/-/ready"
    assert alert["annotations"]["description"] == "the disk is full"


def test_a_webhook_hears_that_all_is_over() -> None:
    assert posted(NotifyKind.WEBHOOK, down(over=LATER))["status"] == "resolved"
