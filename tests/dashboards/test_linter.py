"""The dashboards keep the linter's rules, but for a few exceptions; and the rules find what breaks them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dashboards.source.dashboard import Dashboard, strip
from dashboards.source.every import DASHBOARDS, text_of
from dashboards.source.panels import graph
from tests.dashboards.boards import board_called
from tests.dashboards.linter import Finding, Json, rules
from tests.dashboards.promtool import unreadable


@dataclass(frozen=True, slots=True)
class Exemption:
    """Where a rule need not be kept, and why."""

    rule: str
    dashboard: str
    panels: frozenset[str]
    reason: str


OF_HAPROXY = frozenset(
    {
        "Servers of HAProxy",
        "Down by verdict, and still used",
        "Checks of HAProxy",
        "Connections by server",
        "Failed connections",
        "Servers in use",
    }
)
EXCEPTIONS = (
    Exemption("target-job-rule", "balancer", OF_HAPROXY, "HAProxy is scraped by a job of its own, $balancer"),
    Exemption("target-instance-rule", "balancer", OF_HAPROXY, "HAProxy is an instance of its own, told by its job"),
)

RULES = list(rules(lambda queries: set()))


def found(rule: str, board: Json, home: Path) -> list[Finding]:
    return list(rules(partial(unreadable, home=home))[rule](board))


def excepted(rule: str, dashboard: str) -> frozenset[str]:
    return frozenset().union(
        *(exception.panels for exception in EXCEPTIONS if (exception.rule, exception.dashboard) == (rule, dashboard))
    )


def test_there_are_as_many_rules_as_the_linter_has() -> None:
    assert len(RULES) == 17


@pytest.mark.parametrize("name", DASHBOARDS)
@pytest.mark.parametrize("rule", RULES)
def test_a_dashboard_keeps_a_rule(rule: str, name: str, tmp_path: Path) -> None:
    findings = [
        finding for finding in found(rule, board_called(name), tmp_path) if finding.panel not in excepted(rule, name)
    ]
    assert findings == []


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: exception.rule)
def test_an_exception_is_needed(exception: Exemption, tmp_path: Path) -> None:
    findings = found(exception.rule, board_called(exception.dashboard), tmp_path)
    assert {finding.panel for finding in findings} == exception.panels


def sound() -> Json:
    """A dashboard with one panel, in which no rule finds anything."""
    query = "sum(rate(mailflow_probes_total{<path>}[$__rate_interval]))"
    described = Dashboard("sound", "Sound", "It is.", (strip(8, graph("A", "B.", query, "ops").wide(24)),))
    board: Json = json.loads(text_of(described))
    return board


def the_variable(name: str, /, **changes: Any) -> Callable[[Json], None]:
    def change(board: Json) -> None:
        next(variable for variable in board["templating"]["list"] if variable["name"] == name).update(changes)

    return change


def without(name: str) -> Callable[[Json], None]:
    def change(board: Json) -> None:
        listed = board["templating"]["list"]
        listed[:] = [variable for variable in listed if variable["name"] != name]

    return change


def the_panel(**changes: Any) -> Callable[[Json], None]:
    return lambda board: board["panels"][0].update(changes)


def the_target(**changes: Any) -> Callable[[Json], None]:
    return lambda board: board["panels"][0]["targets"][0].update(changes)


def the_query(old: str, new: str) -> Callable[[Json], None]:
    def change(board: Json) -> None:
        target = board["panels"][0]["targets"][0]
        assert old in target["expr"]
        target["expr"] = target["expr"].replace(old, new)

    return change


def the_dashboard(**changes: Any) -> Callable[[Json], None]:
    return lambda board: board.update(changes)


LOKI = {"type": "loki", "uid": "${datasource}"}
FIXED = {"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}
BREAKS: list[tuple[str, Callable[[Json], None]]] = [
    ("template-datasource-rule", without("datasource")),
    ("template-datasource-rule", the_variable("datasource", name="source")),
    ("template-datasource-rule", the_variable("datasource", label="Source")),
    ("template-job-rule", without("job")),
    ("template-job-rule", the_variable("job", multi=False)),
    ("template-job-rule", the_variable("job", allValue=".*")),
    ("template-job-rule", the_variable("job", datasource=FIXED)),
    ("template-instance-rule", without("instance")),
    ("template-instance-rule", the_variable("instance", label="Host")),
    ("template-label-promql-rule", the_variable("pool", query={"query": "values(up, pool)"})),
    ("template-label-promql-rule", the_variable("pool", query={"query": "label_values(up{, pool)"})),
    ("template-on-time-change-reload-rule", the_variable("route", refresh=1)),
    ("panel-datasource-rule", the_panel(datasource=FIXED)),
    ("panel-datasource-rule", the_target(datasource=FIXED)),
    ("panel-title-description-rule", the_panel(title="")),
    ("panel-title-description-rule", the_panel(description="")),
    ("panel-units-rule", the_panel(fieldConfig={"defaults": {}})),
    ("panel-units-rule", the_panel(fieldConfig={"defaults": {"unit": "seconds"}})),
    ("panel-no-targets-rule", the_panel(targets=[])),
    ("target-logql-rule", the_target(datasource=LOKI)),
    ("target-logql-auto-rule", the_target(datasource=LOKI)),
    ("target-promql-rule", the_query("sum(", "sum((")),
    ("target-rate-interval-rule", the_query("$__rate_interval", "5m")),
    ("target-job-rule", the_query('job=~"$job", ', "")),
    ("target-job-rule", the_query('job=~"$job"', 'job="$job"')),
    ("target-instance-rule", the_query('instance=~"$instance", ', "")),
    ("target-instance-rule", the_query("sum(", "sum(up) + sum(")),
    ("target-counter-agg-rule", the_query("rate(", "max_over_time(")),
    ("target-counter-agg-rule", the_query("sum(", "sum(mailflow_probes_total) + sum(")),
    ("uneditable-dashboard", the_dashboard(editable=True)),
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_nothing_in_a_sound_dashboard(rule: str, tmp_path: Path) -> None:
    assert found(rule, sound(), tmp_path) == []


@pytest.mark.parametrize("rule, broken", BREAKS)
def test_a_rule_finds_what_breaks_it(rule: str, broken: Callable[[Json], None], tmp_path: Path) -> None:
    board = sound()
    broken(board)
    assert found(rule, board, tmp_path)


def test_every_rule_is_broken_once() -> None:
    assert {rule for rule, _ in BREAKS} == set(RULES)
