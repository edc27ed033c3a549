"""Every query on a real Prometheus, which scraped the real program on real servers: each has an answer."""

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from dashboards.source.every import DASHBOARDS
from dashboards.source.looks import SERVERS
from tests.dashboards.boards import board_called, panels_of
from tests.dashboards.grafana import Grafana, Series
from tests.dashboards.linter import filled_in
from tests.dashboards.scene import DEAF, FAILING, HEEDING, watched
from tests.e2e.patience import eventually
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

ALL_SEEN_WITHIN_SECONDS = 25
RATE_WINDOW = "10s"
DOWN = SERVERS[0]
each_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a place on a dashboard asks of Prometheus."""

    where: str
    query: str
    instant: bool
    legend: str = ""
    links: tuple[str, ...] = ()


def of_panels(name: str) -> Iterator[Asked]:
    for panel in panels_of(name):
        links = tuple(link["url"] for link in panel["fieldConfig"]["defaults"].get("links", ()))
        for target in panel["targets"]:
            where = f"{name}: {panel['title']}: {target['legendFormat']}"
            instant = target.get("instant", False)
            yield Asked(where, target["expr"], instant, target["legendFormat"], links)


def of_annotations(name: str) -> Iterator[Asked]:
    for annotation in board_called(name)["annotations"]["list"]:
        formats = annotation["titleFormat"] + annotation["textFormat"]
        yield Asked(f"{name}: {annotation['name']}", annotation["expr"], instant=False, legend=formats)


def answer(grafana: Grafana, asked: Asked) -> Series:
    """Return the series that have a number somewhere."""
    ask = grafana.instant if asked.instant else grafana.range
    return [series for series in ask(filled_in(asked.query, RATE_WINDOW)) if any(map(math.isfinite, numbers(series)))]


def numbers(series: dict[str, Any]) -> Iterator[float]:
    for _, value in series["values"] if "values" in series else [series["value"]]:
        yield float(value)


@pytest.fixture(scope="module")
def grafana(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    laboratory.reset()
    with watched(laboratory, tmp_path_factory.mktemp("dashboards")) as grafana:
        yield grafana


@pytest.fixture(scope="module")
def answers(grafana: Grafana) -> dict[Asked, Series]:
    """What was answered to everything, once nothing is empty any more, or it is in vain to wait."""
    answered: dict[Asked, Series] = {
        asked: [] for name in DASHBOARDS for asked in (*of_panels(name), *of_annotations(name))
    }

    def nothing_is_empty() -> bool:
        answered.update({asked: answer(grafana, asked) for asked, series in answered.items() if not series})
        return all(answered.values())

    with suppress(AssertionError):
        eventually(nothing_is_empty, within_seconds=ALL_SEEN_WITHIN_SECONDS)
    return answered


def test_no_query_is_without_an_answer(answers: dict[Asked, Series]) -> None:
    assert [f"{asked.where}: {asked.query}" for asked, series in answers.items() if not series] == []


def test_what_answers_are_called_by_is_in_them(answers: dict[Asked, Series]) -> None:
    for asked, series in answers.items():
        if "ALERTS" in asked.query:
            continue  # each has the labels of its own rule
        named = set(re.findall(r"\{\{(\w+)\}\}", asked.legend))
        known = set().union(*(told["metric"] for told in series))
        assert named <= known, asked.where


def test_what_links_are_made_of_is_in_every_answer(answers: dict[Asked, Series]) -> None:
    for asked, series in answers.items():
        needed = {label for link in asked.links for label in re.findall(r"__field\.labels\.(\w+)", link)}
        for told in series:
            assert needed <= set(told["metric"]), asked.where


def of_this(link: str, labels: dict[str, str]) -> str:
    """Return where a link of a series leads."""
    return re.sub(r"\$\{__field\.labels\.(\w+)\}", lambda named: labels[named[1]], link)


def test_links_lead_to_pages_that_the_probe_has(answers: dict[Asked, Series]) -> None:
    leading = {link: series[0]["metric"] for asked, series in answers.items() for link in asked.links}
    pages = {of_this(link, labels) for link, labels in leading.items() if link.startswith("http://")}
    assert {httpx.URL(page).path for page in pages} == {"/", "/probes", "/api/v1/probes"}
    for page in pages:
        assert httpx.get(page, trust_env=False).status_code == 200, page


@each_dashboard
def test_every_variable_offers_something(grafana: Grafana, answers: dict[Asked, Series], name: str) -> None:
    for variable in board_called(name)["templating"]["list"]:
        if variable["type"] == "query":
            call = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert call
            assert grafana.label_values(filled_in(call[1]), call[2]), variable["name"]


def on_the_balancers_dashboard(title: str) -> Asked:
    [asked] = [asked for asked in of_panels("balancer") if title in asked.where]
    return asked


def test_the_servers_that_a_balancer_uses_though_they_are_down_are_those_that_fail(
    answers: dict[Asked, Series],
) -> None:
    used = answers[on_the_balancers_dashboard("Down by verdict, and still used")]
    assert {told["metric"]["member"] for told in used} <= set(FAILING)


def test_a_balancer_that_asks_the_agent_is_seen_to_take_them_out(grafana: Grafana) -> None:
    status = filled_in(on_the_balancers_dashboard("Servers of HAProxy").query, RATE_WINDOW)

    def down() -> set[tuple[str, str]]:
        told = [(series["metric"], float(series["value"][1])) for series in grafana.instant(status)]
        return {(labels["proxy"], labels["server"]) for labels, value in told if value == DOWN.value}

    assert eventually(lambda: down() >= {(HEEDING, name) for name in FAILING}, within_seconds=10, what="them to be out")
    assert DEAF not in {proxy for proxy, _ in down()}
