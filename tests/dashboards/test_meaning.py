"""What the queries that are more than a sum make of made-up series; promtool evaluates them as Prometheus does."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dashboards.boards import panels_of
from tests.dashboards.linter import filled_in
from tests.dashboards.shipped import promtool

TARGET = 'job="mailflow", instance="probe:9847"'
POOL = f'{TARGET}, pool="vip"'
MEMBER = f'{POOL}, member="mta1"'
ROUTE = f'{POOL}, route="inbound"'
PATH = f'{MEMBER}, route="inbound"'
SERVER = 'job="haproxy", instance="lb:8405", proxy="mx", server="mta1"'
HOUR = "60m"
"""When is asked, after one sample a minute."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a panel makes of some series, each with its samples; values by labels, or nothing at all."""

    dashboard: str
    panel: str
    series: dict[str, str]
    told: dict[str, float]
    at: str = HOUR
    query: int = 0
    """Which of the panel's queries."""


def verdict(state: str) -> dict[str, str]:
    return {
        f'mailflow_member_state{{{MEMBER}, state="{each}"}}': f"{int(each == state)}x60"
        for each in ("up", "down", "unknown")
    }


def counted(**outcomes: str) -> dict[str, str]:
    return {
        f'mailflow_probe_outcomes_total{{{PATH}, outcome="{outcome}"}}': samples
        for outcome, samples in outcomes.items()
    }


def expecting(outcome: str) -> dict[str, str]:
    return {f'mailflow_route_expectation_info{{{ROUTE}, outcome="{outcome}"}}': "1x60"}


def with_objective(objective: str) -> dict[str, str]:
    """A thousand probes that somebody can tell of, five failures among them, and a thousand that nobody can."""
    failures = {f"mailflow_probe_failures_total{{{PATH}}}": "0+5x60"}
    route = {f"mailflow_route_objective_ratio{{{ROUTE}}}": f"{objective}x60"}
    return counted(delivered="0+995x60", missing="0+5x60", unknown="0+1000x60") | failures | route


def last_delivery_at_start() -> dict[str, str]:
    return {
        f"mailflow_last_delivery_timestamp_seconds{{{PATH}}}": "0x60",
        f"mailflow_probe_interval_seconds{{{ROUTE}}}": "60x60",
        f"mailflow_probe_deadline_seconds{{{ROUTE}}}": "300x60",
    }


def of_haproxy(state: str) -> dict[str, str]:
    return {
        f'haproxy_server_status{{{SERVER}, state="{each}"}}': f"{int(each == state)}x60"
        for each in ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")
    }


def two_probes() -> dict[str, str]:
    other = {series.replace("probe:9847", "other:9847"): samples for series, samples in verdict("down").items()}
    return verdict("up") | other


BY_MEMBER = '{instance="probe:9847", pool="vip", member="mta1"}'
BY_PATH = '{instance="probe:9847", pool="vip", member="mta1", route="inbound"}'
BY_ROUTE = f"{{{ROUTE}}}"
BY_SERVER = '{proxy="mx", server="mta1"}'
JUST_MEMBER = '{pool="vip", member="mta1"}'

MEANINGS = {
    "up is the highest verdict": Meaning("verdicts", "Verdicts", verdict("up"), {BY_MEMBER: 2}),
    "unknown is between": Meaning("verdicts", "Verdicts", verdict("unknown"), {BY_MEMBER: 1}),
    "down is the lowest": Meaning("verdicts", "Verdicts", verdict("down"), {BY_MEMBER: 0}),
    "two probes of one member": Meaning("overview", "Members up, of all", two_probes(), {"{}": 1}),
    "two probes of one member are one": Meaning("overview", "Members up, of all", two_probes(), {"{}": 1}, query=1),
    "one of two probes that says down": Meaning("overview", "Members down", two_probes(), {"{}": 1}),
    "a probe that ends as expected": Meaning(
        "verdicts", "Outcomes", counted(delivered="0+1x60", missing="0x60") | expecting("delivered"), {BY_PATH: 1}
    ),
    "the worst of several outcomes": Meaning(
        "verdicts",
        "Outcomes",
        counted(delivered="0+1x60", missing="0+1x60", junked="0+1x60") | expecting("delivered"),
        {BY_PATH: 10},
    ),
    "a refusal that is expected": Meaning(
        "verdicts", "Outcomes", counted(delivered="0x60", rejected="0+1x60") | expecting("rejected"), {BY_PATH: 1}
    ),
    "mail that should not get through": Meaning(
        "verdicts", "Outcomes", counted(delivered="0+1x60", rejected="0+1x60") | expecting("rejected"), {BY_PATH: 12}
    ),
    "no probe at all": Meaning(
        "verdicts", "Outcomes", counted(delivered="7x60", missing="0x60") | expecting("delivered"), {}
    ),
    "unknown is no failure": Meaning("overview", "Share of failures", with_objective("0.99"), {BY_PATH: 0.005}),
    "half of a budget": Meaning("budget", "Error budget left", with_objective("0.99"), {BY_ROUTE: 0.5}),
    "a budget that is used up": Meaning("budget", "Error budget left", with_objective("0.995"), {BY_ROUTE: 0}),
    "an objective that is missed": Meaning("budget", "Error budget left", with_objective("0.9975"), {BY_ROUTE: -1}),
    "an objective without a budget": Meaning("budget", "Error budget left", with_objective("1"), {}),
    "twice as fast as allowed": Meaning("budget", "Within an hour", with_objective("0.9975"), {BY_ROUTE: 2}),
    "a delivery that is not overdue": Meaning(
        "overview", "Overdue paths", last_delivery_at_start(), {"{}": 0}, at="8m"
    ),
    "a delivery that is": Meaning("overview", "Overdue paths", last_delivery_at_start(), {"{}": 1}, at="9m"),
    "HAProxy uses a member that is down": Meaning(
        "balancer", "Down by verdict, and still used", verdict("down") | of_haproxy("UP"), {JUST_MEMBER: 1}
    ),
    "HAProxy has taken it out": Meaning(
        "balancer", "Down by verdict, and still used", verdict("down") | of_haproxy("DOWN"), {}
    ),
    "HAProxy uses a member that is up": Meaning(
        "balancer", "Down by verdict, and still used", verdict("up") | of_haproxy("UP"), {}
    ),
    "a server that is down": Meaning("balancer", "Servers of HAProxy", of_haproxy("DOWN"), {BY_SERVER: 0}),
    "a server that is drained": Meaning("balancer", "Servers of HAProxy", of_haproxy("DRAIN"), {BY_SERVER: 2}),
    "a server that is up": Meaning("balancer", "Servers of HAProxy", of_haproxy("UP"), {BY_SERVER: 4}),
    "a member that is held in maintenance": Meaning(
        "verdicts",
        "Held and maintained",
        {f"mailflow_member_held{{{MEMBER}}}": "1x60", f"mailflow_member_in_maintenance{{{MEMBER}}}": "1x60"},
        {BY_MEMBER: 3},
    ),
    "a trouble that is over": Meaning(
        "mailboxes",
        "Troubles by kind",
        {
            f'mailflow_mailbox_trouble{{{TARGET}, mailbox="monitor", kind="slow"}}': "1x56 0x4",
            f'mailflow_mailbox_trouble{{{TARGET}, mailbox="monitor", kind="locked"}}': "0x60",
        },
        {'{instance="probe:9847", mailbox="monitor", kind="slow"}': 0},
    ),
}


def asked_of(meaning: Meaning) -> str:
    """Return the query as Grafana sends it, the number rounded."""
    [panel] = [panel for panel in panels_of(meaning.dashboard) if panel["title"] == meaning.panel]
    return f"round({filled_in(panel['targets'][meaning.query]['expr'], '10m')}, 0.001)"


def as_test(meaning: Meaning, told: dict[str, float]) -> str:
    """Return what promtool runs."""
    samples = [{"labels": labels, "value": value} for labels, value in told.items()]
    asked = {"expr": asked_of(meaning), "eval_time": meaning.at, "exp_samples": samples}
    series = [{"series": name, "values": values} for name, values in meaning.series.items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
    return json.dumps({"evaluation_interval": "1m", "tests": [test]})


@pytest.mark.parametrize("meaning", MEANINGS.values(), ids=MEANINGS)
def test_a_query_tells_what_its_panel_says(meaning: Meaning, tmp_path: Path) -> None:
    (tmp_path / "test.yaml").write_text(as_test(meaning, meaning.told))
    tested = promtool("test", "rules", "test.yaml", cwd=tmp_path)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_another_number_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "test.yaml").write_text(as_test(MEANINGS["half of a budget"], {BY_ROUTE: 0.501}))
    assert promtool("test", "rules", "test.yaml", cwd=tmp_path).returncode != 0
