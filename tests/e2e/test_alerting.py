"""Alerts for real: Prometheus scrapes the program by the shipped rules, and tells Alertmanager, which tells a pager."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.markdown import ROOT, blocks
from tests.docs.pages import PROMETHEUS
from tests.e2e.monitoring import Alertmanager, Prometheus, alertmanager, prometheus
from tests.e2e.pager import Pager, pager
from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

TOLD_WITHIN_SECONDS = 30
"""A machine that has much else to do; else it takes a quarter of that."""
SHIPPED = ROOT / "dashboards"


@dataclass(frozen=True, slots=True)
class Watch:
    """All that takes part, from the members to the pager."""

    lab: Laboratory
    program: Program
    prometheus: Prometheus
    pager: Pager

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, each with its member where it has one; not objectives, which remember long."""
        found = self.prometheus.query('ALERTS{alertstate="firing", alertname!~"MailflowErrorBudget.*"}')
        named = [dict(label.split("=", 1) for label in labels) for labels in found]
        return {(labels["alertname"], labels.get("member", "")) for labels in named}

    def quiet(self) -> None:
        """Wait until all members are up, and nothing fires."""
        eventually(
            lambda: self.prometheus.query('sum(mailflow_member_state{state="up"})') == {(): 4.0} and not self.firing(),
            within_seconds=TOLD_WITHIN_SECONDS,
            what="four members that are up, and no alert",
        )


@pytest.fixture(scope="module")
def watch(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    laboratory.reset()
    home = tmp_path_factory.mktemp("alerting")
    with (
        Program(quick_config(laboratory, home), home) as program,
        pager() as paged,
        alertmanager(home, config=told_at_once(paged)) as manager,
        prometheus(home, by_the_recipe(program, manager, home)) as server,
    ):
        yield Watch(laboratory, program, server, paged)


def hastened(rules: str) -> str:
    """Let rules wait and look back for seconds instead of minutes; what they ask is as shipped."""
    faster = {"m": "s", "h": "m", "d": "h"}
    return re.sub(r"(for: |interval: |\[|offset )(\d+)([mhd])\b", lambda at: f"{at[1]}{at[2]}{faster[at[3]]}", rules)


def by_the_recipe(program: Program, manager: Alertmanager, home: Path) -> dict[str, Any]:
    """The config that docs/prometheus.md shows, pointed at the program and made quick."""
    for name in ("rules.yaml", "alerts.yaml"):
        (home / f"mailflow-{name}").write_text(hastened((SHIPPED / name).read_text()))
    [shown] = blocks(PROMETHEUS.text, "yaml")
    shown = shown.replace("192.0.2.50:9847", program.listen)
    shown = shown.replace("127.0.0.1:9093", manager.url.removeprefix("http://"))
    config: dict[str, Any] = yaml.safe_load(shown.replace("scrape_interval: 30s", "scrape_interval: 1s"))
    return {"global": {"evaluation_interval": "1s"}, **config}


def told_at_once(paged: Pager) -> dict[str, Any]:
    """The shipped example for Alertmanager, its receivers one pager, and without its delays."""
    shown = re.sub(r"'http://127\.0\.0\.1:9000/\w+'", paged.url, (SHIPPED / "alertmanager.yaml").read_text())
    config: dict[str, Any] = yaml.safe_load(shown)
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    return config


def test_prometheus_evaluates_every_rule_and_nothing_fires_while_mail_flows(watch: Watch) -> None:
    watch.quiet()
    eventually(lambda: watch.prometheus.evaluated(), within_seconds=TOLD_WITHIN_SECONDS, what="every rule")
    assert watch.prometheus.rule_errors() == []
    assert watch.firing() == set()
    assert watch.pager.told() == []


def test_a_member_that_discards_is_told_of_alone_until_mail_flows_again(watch: Watch) -> None:
    # Given
    watch.lab.reset()
    watch.quiet()
    member = {"pool": "vip", "member": "mta3"}

    # When
    watch.lab.member("mta3").discard()
    for name in ("MailflowNoMailDelivered", "MailflowMemberDown"):
        watch.pager.wait_for("firing", within_seconds=TOLD_WITHIN_SECONDS, alertname=name, **member)
    watch.lab.member("mta3").keep()
    for name in ("MailflowNoMailDelivered", "MailflowMemberDown"):
        watch.pager.wait_for("resolved", within_seconds=TOLD_WITHIN_SECONDS, alertname=name, **member)

    # Then
    assert {alert.labels["member"] for alert in watch.pager.told() if "member" in alert.labels} == {"mta3"}


def test_what_all_members_have_alike_is_told_once(watch: Watch) -> None:
    # Given
    watch.lab.reset()
    watch.quiet()
    before = len(watch.pager.told())

    # When
    for member in watch.lab.members.values():
        member.discard()
    shared = {"alertname": "MailflowSharedFault", "pool": "vip", "route": "inbound"}
    watch.pager.wait_for("firing", within_seconds=TOLD_WITHIN_SECONDS, **shared)
    for member in watch.lab.members.values():
        member.keep()
    watch.pager.wait_for("resolved", within_seconds=TOLD_WITHIN_SECONDS, **shared)

    # Then
    assert [alert for alert in watch.pager.told()[before:] if "member" in alert.labels] == []
