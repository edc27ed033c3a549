"""The tables of the pages name all that there is, and nothing else."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click
import pytest
from prometheus_client.core import Metric
from starlette.routing import Route

from probe.cli.main import main
from probe.config import schema
from probe.metrics import ReloadState, TokenExpiries
from probe.metrics.collector import registry
from probe.metrics.spot_checks import spot_check_metrics
from probe.model.alarm import WORDINGS
from probe.model.culprit import Culprit
from probe.model.history import Cause
from probe.model.outcome import Outcome, Stage
from probe.model.spot_check import SpotCheck
from probe.model.tls_findings import Word
from probe.model.tls_seen import TlsSeen
from probe.web.api import api_routes
from probe.web.health import health_routes
from probe.web.holds import hold_routes
from probe.web.page import page_routes
from probe.web.program import program_routes
from probe.web.spot_checks import spot_check_routes
from probe.web.stream import stream_routes
from probe.web.views import probe_view
from tests.dashboards.shipped import rules
from tests.docs.markdown import ROOT, Row, links, tables
from tests.docs.pages import (
    ALARMS,
    ALERTS,
    COMMANDS,
    CONFIGURATION,
    DOCS,
    FINDINGS,
    METRICS,
    OUTCOMES,
    PATHS,
    SPOT_CHECKS,
    TROUBLESHOOTING,
    VERDICTS,
    WORDS,
    Place,
)
from tests.metrics.boards import NOW, attempt, board_of_exchangers, delivered, lively_board, settings
from tests.metrics.test_spot_checks import certificate_until

PROGRAM = {name: main.get_command(click.Context(main), name) for name in main.list_commands(click.Context(main))}
SCHEMA = schema()


def rows(place: Place) -> list[Row]:
    return [row for table in tables(place.text) for row in table]


def first_words(place: Place) -> list[str]:
    return [word for row in rows(place) for word in row.words]


# Config


def keys() -> Iterator[tuple[str, str]]:
    """Every key of the config that is no section, with its default as people write it."""
    seen: set[str] = set()

    def walk(node: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
        for name, value in node.get("properties", {}).items():
            path = f"{place}.{name}".lstrip(".")
            below = list(inside(value, path))
            yield from below or [(path, default(name, value, node))]

    def inside(value: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
        """The keys below one, each section only where it is met first."""
        for part in (value, *value.get("anyOf", []), value.get("items", {})):
            reference = part.get("$ref", "").removeprefix("#/$defs/")
            if reference and reference not in seen:
                seen.add(reference)
                yield from walk(SCHEMA["$defs"][reference], path)
            for named in part.get("patternProperties", {}).values():
                yield from inside(named, f"{path}.NAME")

    yield from walk(SCHEMA, "")


def default(name: str, value: dict[str, Any], node: dict[str, Any]) -> str:
    if name in node.get("required", []):
        return "required"
    match value.get("default"):
        case None:
            return "none"
        case str(word):
            return f"`{word}`"
        case float(ratio):
            return f"`{100 * ratio:g}%`"
        case other:
            return f"`{json.dumps(other)}`"


def test_every_key_of_the_config_is_in_the_docs_with_its_default() -> None:
    documented = {row.words[0]: row.cells[1] for row in rows(CONFIGURATION)}
    assert documented == dict(keys())


def test_every_key_of_the_config_is_shown_in_the_one_that_is_shipped() -> None:
    shown = set(re.findall(r"\w+(?=:)", (ROOT / "config.yaml").read_text()))
    assert {part for key, _ in keys() for part in key.split(".")} - {"NAME"} <= shown


def test_the_walk_through_the_schema_finds_keys_at_every_depth() -> None:
    found = dict(keys())
    assert found["instance"] == "required"
    assert found["mailboxes.NAME.imap.tls"] == "`implicit`"
    assert found["pools.NAME.members.NAME.port"] == "`25`"
    assert found["routes.NAME.retry.attempts"] == "`1`"


# Words


def test_every_outcome_is_in_the_docs() -> None:
    assert first_words(OUTCOMES) == list(Outcome)


def test_every_outcome_and_every_stage_has_its_troubleshooting() -> None:
    by_outcome, by_stage = tables(TROUBLESHOOTING.text)
    assert sorted(word for row in by_outcome for word in row.words) == sorted(Outcome)
    assert [row.cells[0] for row in by_stage] == list(Stage)


def test_the_word_stage_names_every_stage() -> None:
    (meaning,) = (row.cells[1] for row in rows(WORDS) if row.cells[0] == "stage")
    assert meaning.replace(" (the reply after the final dot)", "") == ", ".join(Stage)


def test_every_finding_is_in_the_docs() -> None:
    assert first_words(FINDINGS) == list(Word)


def test_every_cause_of_a_change_is_in_the_docs() -> None:
    assert [cause for cause in Cause if f"`{cause}`" not in VERDICTS.text] == []


def test_everything_that_members_may_share_is_in_the_docs() -> None:
    shared = [culprit for culprit in Culprit if culprit not in (Culprit.MEMBER, Culprit.SOME_MEMBERS)]
    assert [culprit for culprit in shared if f"`{culprit}`" not in VERDICTS.text] == []


# Metrics


def exported() -> dict[str, tuple[str, set[str]]]:
    """Every metric of ours, with its type and its labels."""
    expiries = TokenExpiries(mailboxes={"monitor": NOW})
    boards = (lively_board(), board_of_exchangers())  # the last one has fewer members, but tells of their TLS, too
    families: list[Metric] = [
        family
        for board in boards
        for family in registry(board.snapshot(NOW), ReloadState(True, NOW), expiries).collect()
        if family.samples
    ]
    return {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in families
        if family.name.startswith("mailflow_")
    }


def test_every_metric_is_in_the_docs_with_its_type_and_labels() -> None:
    documented = {row.words[0]: (row.cells[1], set(filter(None, row.cells[2].split(", ")))) for row in rows(METRICS)}
    assert documented == exported()


def test_every_metric_of_a_spot_check_is_in_the_docs_with_its_labels() -> None:
    documented = {row.words[0]: set(filter(None, row.cells[1].split(", "))) for row in rows(SPOT_CHECKS)}
    told = {family.name: {label for sample in family.samples for label in sample.labels} for family in of_a_check()}
    assert documented == told


def of_a_check() -> Iterator[Metric]:
    """All that can be told of a spot check, TLS included."""
    asked = settings()
    tls = TlsSeen(version="TLSv1.3", chain=(certificate_until(NOW + timedelta(days=1)),))
    pool, route = asked.pools["vip"], asked.routes["inbound"]
    return spot_check_metrics(SpotCheck(pool.members[0], route, pool.smtp, replace(attempt(), tls=tls), timedelta()))


# Alerts


def test_every_alert_is_in_the_docs_as_it_is() -> None:
    (documented,) = tables(ALERTS.text)
    assert [(row.words[0], *row.cells[1:]) for row in documented] == [
        (rule["alert"], rule["labels"]["severity"], rule.get("for", "at once"), rule["annotations"]["summary"])
        for rule in rules("alerts.yaml")
    ]


def test_every_alert_in_the_docs_leads_to_its_runbook() -> None:
    (documented,) = tables(ALERTS.text)
    assert [[f"docs/{link}" for link in links(row.cells[0])] for row in documented] == [
        [rule["annotations"]["runbook_url"]] for rule in rules("alerts.yaml")
    ]


def test_every_alarm_of_the_program_itself_is_in_the_docs() -> None:
    told = [(kind, wording.severity) for kind, wording in WORDINGS.items()]
    assert [(row.words[0], row.cells[1]) for row in rows(ALARMS)] == told


# Commands


def test_every_command_is_in_the_docs() -> None:
    whole, _ = tables(COMMANDS.text)
    assert [row.words[0] for row in whole] == [f"mailflow {name}" for name in PROGRAM]


@pytest.mark.parametrize("name", PROGRAM)
def test_every_option_of_a_command_is_in_the_docs(name: str) -> None:
    _, options = tables(COMMANDS.text)
    documented: dict[str, set[str]] = {}
    command = ""
    for row in options:
        command = row.words[0] if row.words else command
        documented.setdefault(command, set()).update(word.split()[0] for word in Row(row.cells[1:]).words)
    assert documented.get(name, set()) == options_of(name)


def options_of(name: str) -> set[str]:
    command = PROGRAM[name]
    assert command is not None
    return {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}


# HTTP


def served() -> set[str]:
    """Every path that is served, with its method, as the docs write it."""
    nothing: Any = None
    routes: list[Route] = [
        *health_routes(nothing),
        *program_routes(nothing),
        *api_routes(nothing),
        *hold_routes(nothing),
        *stream_routes(nothing),
        *page_routes(nothing),
        *spot_check_routes(nothing),
    ]
    return {f"{'POST' if 'POST' in (route.methods or ()) else 'GET'} {_upper(route.path)}" for route in routes}


def _upper(path: str) -> str:
    return "/".join(part.strip("{}").upper() if part.startswith("{") else part for part in path.split("/"))


def test_every_path_is_in_the_docs() -> None:
    assert set(first_words(PATHS)) >= served()
    assert {row.words[0] for row in rows(PATHS)} <= served()


def test_every_field_of_a_probe_is_in_the_docs() -> None:
    (documented,) = re.findall(r"^A probe is `\{([^}]*)\}`", PATHS.text, re.MULTILINE)
    assert re.split(r",\s+", documented) == list(probe_view(delivered("a1")))


# Dependencies


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    required = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    required += [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    (page,) = (DOCS / "adr").glob("0007-*.md")
    explained = {
        name
        for table in tables(page.read_text())
        for row in table
        for name in re.sub(r" \(.*?\)", "", row.cells[0]).split(", ")
    }
    assert explained == {re.split(r"[\[<>=]", name)[0] for name in required}
