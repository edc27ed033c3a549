"""The 17 rules of Grafana's dashboard-linter, which itself is a program in Go: one function each, by its name there."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.dashboards.promql import selectors, windows

Json: TypeAlias = dict[str, Any]

UNITS = frozenset({"short", "s", "bytes", "ops", "percentunit"})
"""Those of Grafana's units that we use, by its own names."""
CHECKED = frozenset({"stat", "singlestat", "graph", "table", "timeseries", "gauge"})
"""The kinds of panel that the rules on panels look at."""
QUERIED = CHECKED | {"state-timeline", "status-history", "heatmap", "barchart"}
"""The kinds of panel whose queries are looked at; the original leaves out the last three."""
RATES = ("rate", "irate")
COUNTING = (*RATES, "increase")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and in which panel; without a name it is the dashboard's."""

    text: str
    panel: str = ""


Rule: TypeAlias = Callable[[Json], Iterator[Finding]]
Unreadable: TypeAlias = Callable[[list[str]], set[str]]
"""Says which of some queries Prometheus cannot read."""


def panels(board: Json, kinds: Iterable[str] = QUERIED) -> Iterator[Json]:
    """Yield the panels of some kinds."""
    wanted = frozenset(kinds)
    yield from (panel for panel in board["panels"] if panel["type"] in wanted)


def queries(board: Json) -> Iterator[tuple[str, str]]:
    """Yield each query with the title of its panel."""
    for panel in panels(board):
        yield from ((panel.get("title", ""), target["expr"]) for target in panel.get("targets", ()))


def variables(board: Json, kind: str = "query") -> dict[str, Json]:
    """Return the variables of a kind by their names."""
    return {variable["name"]: variable for variable in board["templating"]["list"] if variable["type"] == kind}


def filled_in(query: str, window: str = "5m") -> str:
    """Return a query as Grafana sends it while everything is chosen."""
    timed = re.sub(r"\$__(rate_interval|range|interval)\b", window, query)
    return re.sub(r"\$[a-z]\w*", ".+", timed)


def template_datasource(board: Json) -> Iterator[Finding]:
    """The data source is a variable, with the name and the label that people know."""
    found = variables(board, "datasource")
    if not found:
        yield Finding("there is no variable for the data source")
    elif len(found) == 1:
        [(name, variable)] = found.items()
        known = {"datasource": "Data source", "prometheus_datasource": "Prometheus data source"}
        if name not in known:
            yield Finding(f"the only data source is called {name}")
        elif variable.get("label") != known[name]:
            yield Finding(f"its label is {variable.get('label')}")


def template_job(board: Json) -> Iterator[Finding]:
    """There is a variable for the job."""
    yield from _target_variable(board, "job")


def template_instance(board: Json) -> Iterator[Finding]:
    """There is a variable for the instance."""
    yield from _target_variable(board, "instance")


def _target_variable(board: Json, name: str) -> Iterator[Finding]:
    variable = variables(board).get(name)
    if variable is None:
        yield Finding(f"there is no variable {name} that is asked for")
        return
    wanted = {"label": name.capitalize(), "multi": True, "allValue": ".+"}
    yield from (
        Finding(f"{name}: {key} is {variable.get(key)}") for key, value in wanted.items() if variable.get(key) != value
    )
    if not _is_variable(variable.get("datasource")):
        yield Finding(f"{name} is not asked of the chosen data source")


def template_label_promql(board: Json, unreadable: Unreadable) -> Iterator[Finding]:
    """Variables are asked for in words that Grafana knows, with PromQL inside."""
    asked = {}
    for name, variable in variables(board).items():
        query = variable["query"]["query"]
        call = re.fullmatch(r"(label_values|query_result|metrics|label_names)\((.*)\)", query)
        if call is None:
            yield Finding(f"{name}: {query}")
        elif call[1] in {"label_values", "query_result"}:
            asked[name] = filled_in(re.sub(r",\s*\w+$", "", call[2]))
    refused = unreadable(list(asked.values()))
    yield from (Finding(f"{name}: {query}") for name, query in asked.items() if query in refused)


def template_on_time_change_reload(board: Json) -> Iterator[Finding]:
    """What can be chosen follows the time that is shown."""
    for name, variable in variables(board).items():
        if variable.get("refresh") != 2:
            yield Finding(f"{name} is not asked for again")


def panel_datasource(board: Json) -> Iterator[Finding]:
    """Panels ask the chosen data source."""
    for panel in panels(board):
        for asking in (panel, *panel.get("targets", ())):
            if not _is_variable(asking.get("datasource")):
                yield Finding("asks another data source", panel["title"])


def panel_title_description(board: Json) -> Iterator[Finding]:
    """Panels say what they show."""
    for panel in panels(board):
        for key in ("title", "description"):
            if not panel.get(key):
                yield Finding(f"has no {key}", panel.get("title", ""))


def panel_units(board: Json) -> Iterator[Finding]:
    """Numbers have a unit, unless words stand for them."""
    for panel in panels(board, CHECKED):
        defaults = panel["fieldConfig"]["defaults"]
        if not defaults.get("mappings") and defaults.get("unit") not in UNITS:
            yield Finding(f"its unit is {defaults.get('unit')}", panel["title"])


def panel_no_targets(board: Json) -> Iterator[Finding]:
    """Panels ask for something."""
    for panel in panels(board):
        if not panel.get("targets"):
            yield Finding("asks for nothing", panel["title"])


def target_promql(board: Json, unreadable: Unreadable) -> Iterator[Finding]:
    """Prometheus can read every query."""
    refused = unreadable([filled_in(query) for _, query in queries(board)])
    for title, query in queries(board):
        if filled_in(query) in refused:
            yield Finding(f"cannot be read: {query}", title)


def target_logql(board: Json) -> Iterator[Finding]:
    """Nothing asks Loki, whose language nobody here can read."""
    yield from (Finding("asks Loki", title) for title, _ in _of_loki(board))


def target_logql_auto(board: Json) -> Iterator[Finding]:
    """Windows in questions to Loki are those that Grafana works out."""
    for title, query in _of_loki(board):
        for window in re.findall(r"\[([^\]]*)\]", query):
            if window != "$__auto":
                yield Finding(f"looks back {window}", title)


def target_rate_interval(board: Json) -> Iterator[Finding]:
    """Rates are taken over the window that Grafana works out."""
    for title, query in queries(board):
        for window in windows(query, *RATES):
            if window != "$__rate_interval":
                yield Finding(f"looks back {window}", title)


def target_job(board: Json) -> Iterator[Finding]:
    """Every selection is held to the chosen jobs."""
    yield from _held_to(board, "job")


def target_instance(board: Json) -> Iterator[Finding]:
    """Every selection is held to the chosen instances."""
    yield from _held_to(board, "instance")


def _held_to(board: Json, label: str) -> Iterator[Finding]:
    for title, query in queries(board):
        for selector in selectors(query):
            if (label, "=~", f"${label}") not in selector.matchers:
                yield Finding(f"{selector.metric} is not held to the {label}", title)


def target_counter_agg(board: Json) -> Iterator[Finding]:
    """Counters are asked for their increase only. The original looks at bare selectors; this, at names."""
    for title, query in queries(board):
        for selector in selectors(query):
            if selector.metric.endswith("_total") and selector.function not in COUNTING:
                yield Finding(f"{selector.metric} is a counter", title)


def uneditable_dashboard(board: Json) -> Iterator[Finding]:
    """What is provisioned cannot be changed in Grafana: the change would be lost."""
    if board.get("editable") is not False:
        yield Finding("can be edited")


def rules(unreadable: Unreadable) -> dict[str, Rule]:
    """Return the rules by the linter's names for them."""
    return {
        "template-datasource-rule": template_datasource,
        "template-job-rule": template_job,
        "template-instance-rule": template_instance,
        "template-label-promql-rule": lambda board: template_label_promql(board, unreadable),
        "template-on-time-change-reload-rule": template_on_time_change_reload,
        "panel-datasource-rule": panel_datasource,
        "panel-title-description-rule": panel_title_description,
        "panel-units-rule": panel_units,
        "panel-no-targets-rule": panel_no_targets,
        "target-logql-rule": target_logql,
        "target-logql-auto-rule": target_logql_auto,
        "target-promql-rule": lambda board: target_promql(board, unreadable),
        "target-rate-interval-rule": target_rate_interval,
        "target-job-rule": target_job,
        "target-instance-rule": target_instance,
        "target-counter-agg-rule": target_counter_agg,
        "uneditable-dashboard": uneditable_dashboard,
    }


def _of_loki(board: Json) -> Iterator[tuple[str, str]]:
    for panel in panels(board):
        for target in panel.get("targets", ()):
            if (target.get("datasource") or {}).get("type") == "loki":
                yield panel["title"], target["expr"]


def _is_variable(datasource: Json | None) -> bool:
    return datasource is not None and datasource["uid"] in {"$datasource", "${datasource}"}
