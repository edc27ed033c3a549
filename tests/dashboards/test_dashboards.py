"""What every dashboard and every panel has to have, so that people can read it."""

import re
from itertools import pairwise
from typing import Any

import pytest

from dashboards.source.every import DASHBOARDS
from dashboards.source.looks import ENDS, OUTCOMES
from probe.model.outcome import Outcome
from tests.dashboards.boards import PANELS, TITLES, Json, board_called, panels_of
from tests.dashboards.linter import CHECKED, UNITS
from tests.dashboards.names import exported, labels_of
from tests.dashboards.promql import Selector, selectors

IN_WORDS = {"state-timeline", "status-history"}
OF_OTHERS = ("haproxy_", "scrape_", "ALERTS")
"""Metrics that other programs export; test_queries sees them come from those."""
CHAIN = ("job", "instance", "pool", "member", "route", "mailbox")

NOT_SHOWN = {
    "mailflow_config_last_reload_success_timestamp_seconds": "it is marked in every panel",
    "mailflow_last_probe_timestamp_seconds": "the time since the last delivery says more",
    "mailflow_web_login_failures_total": "it tells nothing of the mail, and the log says who it was",
}

each_dashboard = pytest.mark.parametrize("name", DASHBOARDS)
each_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=TITLES)


def variables(board: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in board["templating"]["list"] if variable["type"] == "query"}


def asked(variable: Json) -> tuple[Selector, str]:
    """Return what a variable asks for, and the label whose values it wants."""
    call = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
    assert call, variable["query"]
    [selector] = selectors(call[1])
    return selector, call[2]


def ours(query: str) -> list[Selector]:
    return [selector for selector in selectors(query) if not selector.metric.startswith(OF_OTHERS)]


@each_dashboard
def test_a_dashboard_can_be_provisioned(name: str) -> None:
    board = board_called(name)
    assert board["id"] is None
    assert board["uid"] == f"mailflow-{name}"
    assert "__inputs" not in board
    assert board["tags"] == ["mailflow"]


def test_dashboards_lead_to_one_another() -> None:
    for name in DASHBOARDS:
        [link] = board_called(name)["links"]
        assert (link["type"], link["tags"], link["includeVars"], link["keepTime"]) == (
            "dashboards",
            ["mailflow"],
            True,
            True,
        )


@each_dashboard
def test_a_variable_takes_many_values_and_follows_the_time(name: str) -> None:
    for variable in variables(board_called(name)).values():
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".+")
        assert variable["refresh"] == 2
        assert variable["label"]


@each_dashboard
def test_a_variable_is_narrowed_down_by_those_before_it(name: str) -> None:
    chain = [variable for variable in variables(board_called(name)) if variable in CHAIN]
    assert chain[:4] == list(CHAIN[:4])
    for before, variable in pairwise(chain):
        selector, _ = asked(variables(board_called(name))[variable])
        possible = before if before in labels_of(selector.metric) else "instance"
        if before == "member" and variable == "route":
            possible = "pool"  # a route is probed through every member of its pool
        assert (possible, "=~", f"${possible}") in selector.matchers


@each_dashboard
def test_a_variable_asks_for_a_label_that_exists(name: str) -> None:
    for variable in variables(board_called(name)).values():
        selector, label = asked(variable)
        if not selector.metric.startswith(OF_OTHERS):
            assert selector.metric in exported()
            assert {label, *selector.labels} <= labels_of(selector.metric)


@each_dashboard
def test_every_variable_of_a_query_can_be_chosen(name: str) -> None:
    board = board_called(name)
    known = {*variables(board), "datasource", "__rate_interval", "__range"}
    asking = [target["expr"] for panel in panels_of(name) for target in panel["targets"]]
    asking += [annotation["expr"] for annotation in board["annotations"]["list"]]
    assert {word for query in asking for word in re.findall(r"\$([a-z_]+)", query)} <= known


@each_dashboard
def test_panels_have_ids_and_titles_of_their_own_and_do_not_overlap(name: str) -> None:
    panels = board_called(name)["panels"]
    for key in ("id", "title"):
        assert len({panel[key] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@each_panel
def test_a_panel_says_what_it_shows(panel: Json) -> None:
    assert re.fullmatch(r"[A-Z].*[^.]", panel["title"])
    assert re.fullmatch(r"[A-Z0-9].*\.", panel["description"])
    assert panel["description"] != f"{panel['title']}."
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0


@each_panel
def test_a_panel_has_a_unit_or_words_for_its_values(panel: Json) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] in IN_WORDS:
        assert defaults["mappings"]
    if panel["type"] in CHECKED:
        assert (defaults.get("unit") in UNITS) != bool(defaults.get("mappings"))
    if panel["type"] == "heatmap":
        assert panel["options"]["yAxis"]["unit"] == "s"


@each_panel
def test_words_and_colours_tell_states_apart(panel: Json) -> None:
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", ()):
        meanings = mapping["options"].values()
        assert len({meaning["text"] for meaning in meanings}) == len(meanings)
        assert all(meaning["color"] for meaning in meanings)


@each_panel
def test_thresholds_begin_below_everything_and_rise(panel: Json) -> None:
    thresholds = panel["fieldConfig"]["defaults"].get("thresholds")
    if panel["type"] in {"stat", *IN_WORDS}:
        assert thresholds
    if thresholds:
        first, *others = (step["value"] for step in thresholds["steps"])
        assert first is None
        assert others == sorted(set(others))


@each_panel
def test_what_looks_special_is_one_of_the_series(panel: Json) -> None:
    named = {target["legendFormat"] for target in panel["targets"]}
    if "{{outcome}}" in named:
        named |= set(Outcome)
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= named


def test_every_outcome_has_a_colour_and_a_word() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert {word.text.removesuffix(" all the same") for word in ENDS} == {"as expected", *Outcome}


@each_panel
def test_a_query_asks_for_metrics_and_labels_that_exist(panel: Json) -> None:
    for target in panel["targets"]:
        for selector in ours(target["expr"]):
            assert selector.metric in exported()
            assert selector.labels <= labels_of(selector.metric)


@each_panel
def test_a_link_leads_to_a_page_of_the_probe_or_to_a_dashboard(panel: Json) -> None:
    pages = (
        r"http://\$\{__field\.labels\.instance\}/((api/v1/)?probes\?.*|#.*)?",
        rf"/d/(mailflow-({'|'.join(DASHBOARDS)}))\?.*\$\{{__url_time_range\}}",
    )
    links: list[Any] = panel["fieldConfig"]["defaults"].get("links", [])
    for link in links:
        assert any(re.fullmatch(page, link["url"]) for page in pages)


def test_every_metric_of_ours_is_on_some_dashboard() -> None:
    shown = {
        selector.metric for _, panel in PANELS for target in panel["targets"] for selector in selectors(target["expr"])
    }
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported() if name.startswith("mailflow_")}
    unseen = families - {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert unseen == set(NOT_SHOWN), "put it where people look for it, in dashboards/source, or say here why not"
