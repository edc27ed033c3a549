"""The shipped dashboards: sound JSON, honest queries, and the rules of Grafana's dashboard linter."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.names import ROOT, exported, labels_of, metrics_in
from tests.dashboards.shipped import promtool

Panel = dict[str, Any]

BOARDS = sorted((ROOT / "dashboards").glob("*.json"))
UNITS = {"short", "s", "percentunit"}
CHECKED = {"stat", "timeseries", "gauge", "table"}
SELECTOR = re.compile(r"(mailflow_\w+|ALERTS)(\{[^}]*\})?")


def load(path: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(path.read_text())
    return board


PANELS: list[Panel] = [panel for path in BOARDS for panel in load(path)["panels"]]
TITLES = [panel["title"] for panel in PANELS]


def queries(panel: Panel) -> Iterator[str]:
    yield from (target["expr"] for target in panel["targets"])


def filled_in(query: str) -> str:
    """A query as Grafana sends it."""
    return re.sub(r"\$\w+", ".+", query.replace("$__rate_interval", "5m"))


@pytest.fixture(params=BOARDS, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def test_there_is_a_dashboard() -> None:
    assert BOARDS


def test_a_dashboard_can_be_provisioned(board: dict[str, Any]) -> None:
    assert board["id"] is None
    assert re.fullmatch(r"[a-z0-9-]{1,40}", board["uid"])
    assert board["editable"] is False
    assert "__inputs" not in board


def test_the_datasource_is_a_variable(board: dict[str, Any]) -> None:
    datasource = variables(board)["datasource"]
    assert (datasource["type"], datasource["query"], datasource["label"]) == ("datasource", "prometheus", "Data source")


@pytest.mark.parametrize("name", ["job", "instance", "pool", "member", "route"])
def test_a_variable_takes_many_values_and_follows_the_time(board: dict[str, Any], name: str) -> None:
    variable = variables(board)[name]
    assert variable["type"] == "query"
    assert variable["datasource"]["uid"] == "${datasource}"
    assert variable["label"] == name.capitalize()
    assert (variable["multi"], variable["allValue"], variable["refresh"]) == (True, ".+", 2)


def test_a_variable_asks_for_a_label_that_exists(board: dict[str, Any]) -> None:
    for variable in variables(board).values():
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((mailflow_\w+)(\{.*\})?, (\w+)\)", variable["query"]["query"])
        assert found, variable["query"]
        assert found[1] in exported()
        assert found[3] in labels_of(found[1])


def test_panels_have_ids_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_says_what_it_shows(panel: Panel) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_has_a_unit_or_words_for_its_values(panel: Panel) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] in CHECKED:
        assert defaults.get("unit") in UNITS
        assert "mappings" not in defaults
    elif panel["type"] == "state-timeline":
        assert defaults["mappings"]


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_query_asks_for_metrics_and_labels_that_exist(panel: Panel) -> None:
    for query in queries(panel):
        assert metrics_in(query) <= exported()
        for metric, selector in SELECTOR.findall(query):
            assert set(re.findall(r'(\w+)(?:=|!)[=~]?"', selector)) <= labels_of(metric)


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_every_selector_is_held_to_job_and_instance(panel: Panel) -> None:
    for query in queries(panel):
        selectors = SELECTOR.findall(query)
        assert selectors
        for _, selector in selectors:
            assert 'job=~"$job"' in selector
            assert 'instance=~"$instance"' in selector


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_counter_is_asked_only_for_its_increase(panel: Panel) -> None:
    for query in queries(panel):
        for counter in re.finditer(r"\bmailflow_\w+_total\b", query):
            assert re.search(r"\b(rate|irate|increase)\($", query[: counter.start()]), query


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_rate_is_taken_over_the_interval_that_grafana_works_out(panel: Panel) -> None:
    for query in queries(panel):
        for window in re.findall(r"\bi?rate\([^[]*\[([^]]*)\]", query):
            assert window == "$__rate_interval"


def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"q:{number}:q".replace("-", "_"), "expr": filled_in(query)} for number, query in _numbered()]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    checked = promtool("check", "rules", "rules.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules)} rules found" in checked.stdout


def _numbered() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for number, query in enumerate(queries(panel)):
            yield f"panel{panel['id']}_{number}", query
