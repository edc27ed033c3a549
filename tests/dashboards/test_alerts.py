"""The shipped alerts: sound, tested, and each with a page that says what to do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.dashboards.names import ROOT, exported, metrics_in
from tests.dashboards.shipped import SCENES, SHIPPED, Rule, groups, promtool, rules

ALERTS = rules("alerts.yaml")
NAMES = [rule["alert"] for rule in ALERTS]
RECORDINGS = rules("rules.yaml")
RECORDED = {rule["record"] for rule in RECORDINGS}
UPON = re.compile(r"\b(?:instance(?:_[a-z]+)*:\w+:\w+)")
PAGES = ["Meaning", "Impact", "Diagnosis", "Mitigation"]


@pytest.mark.parametrize("name", ["alerts.yaml", "rules.yaml"])
def test_promtool_finds_the_rules_sound(name: str) -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", name)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("scene", SCENES, ids=lambda path: path.stem)
def test_the_rules_fire_when_they_should_and_only_then(scene: Path) -> None:
    checked = promtool("test", "rules", scene.name, cwd=scene.parent)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_test_of_the_rules_notices_a_rule_that_never_fires(tmp_path: Path) -> None:
    # Given
    (scene,) = (path for path in SCENES if path.stem == "mailboxes")
    (tmp_path / scene.name).write_text(scene.read_text().replace("../../../dashboards/", ""))
    (tmp_path / "rules.yaml").write_text((SHIPPED / "rules.yaml").read_text())
    (tmp_path / "alerts.yaml").write_text(
        (SHIPPED / "alerts.yaml").read_text().replace("deletion_refused == 1", "deletion_refused > 1")
    )

    # When
    checked = promtool("test", "rules", scene.name, cwd=tmp_path)

    # Then
    assert checked.returncode != 0
    assert "MailflowMailboxDeletionRefused" in checked.stdout + checked.stderr


@pytest.mark.parametrize("scene", SCENES, ids=lambda path: path.stem)
def test_a_scene_evaluates_recordings_before_alerts(scene: Path) -> None:
    # What is not in the order comes in any, different each time.
    order = yaml.safe_load(scene.read_text())["group_eval_order"]
    assert order == [group["name"] for name in ("rules.yaml", "alerts.yaml") for group in groups(name)]


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tested_firing_and_silent(name: str) -> None:
    expected = [
        bool(rule["exp_alerts"])
        for scene in SCENES
        for test in yaml.safe_load(scene.read_text())["tests"]
        for rule in test["alert_rule_test"]
        if rule["alertname"] == name
    ]
    assert set(expected) == {True, False}


def test_a_recording_is_tested_by_what_rests_on_it_or_by_itself() -> None:
    by_itself = [
        asked["expr"]
        for scene in SCENES
        for test in yaml.safe_load(scene.read_text())["tests"]
        for asked in test.get("promql_expr_test", [])
    ]
    resting = [rule["expr"] for rule in [*ALERTS, *RECORDINGS]]
    assert {name for expr in [*by_itself, *resting] for name in UPON.findall(expr)} == RECORDED


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDINGS], ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_only_for_what_exists(rule: Rule) -> None:
    upon = set(UPON.findall(rule["expr"]))
    asked = metrics_in(UPON.sub("", rule["expr"]))
    assert upon <= RECORDED
    assert asked <= exported()
    assert asked or upon or re.search(r"\bup\b", rule["expr"])


def test_a_recording_is_named_for_its_level_its_metric_and_its_operations() -> None:
    assert [name for name in RECORDED if not re.fullmatch(r"instance(_[a-z]+)*:mailflow_\w+:\w+", name)] == []


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_an_alert_says_how_bad_it_is_what_it_is_and_what_to_do(rule: Rule) -> None:
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert "{{" not in annotations["summary"]
    assert annotations["description"].endswith(".")
    runbook = (ROOT / annotations["runbook_url"]).read_text()
    assert re.search(rf"^# .*\b{rule['alert']}\b", runbook)
    assert re.findall(r"^## (.*)$", runbook, re.MULTILINE) == PAGES


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_a_runbook_shows_commands_for_the_diagnosis(rule: Rule) -> None:
    runbook = (ROOT / rule["annotations"]["runbook_url"]).read_text()
    diagnosis = runbook.partition("## Diagnosis")[2].partition("## Mitigation")[0]
    assert re.search(r"\b(curl|mailflow|systemctl|journalctl|promtool|openssl)\b", diagnosis)


def test_a_query_in_a_runbook_can_be_asked(tmp_path: Path) -> None:
    # Given
    told = [
        query
        for page in sorted((ROOT / "docs" / "runbooks").glob("*.md"))
        for query in re.findall(r"promtool query instant \S+ '([^']+)'", page.read_text())
    ]
    recordings = [{"record": f"asked:{number}", "expr": query} for number, query in enumerate(told)]
    (tmp_path / "asked.yaml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": recordings}]}))

    # When
    checked = promtool("check", "rules", "asked.yaml", cwd=tmp_path)

    # Then
    assert told
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for query in told:
        assert set(UPON.findall(query)) <= RECORDED
        assert metrics_in(UPON.sub("", query)) <= exported()


def test_every_runbook_belongs_to_an_alert() -> None:
    pages = {f"docs/runbooks/{page.name}" for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule["annotations"]["runbook_url"] for rule in ALERTS}


def test_every_name_in_a_heading_of_a_runbook_is_that_of_an_alert() -> None:
    headings = [page.read_text().partition("\n")[0] for page in (ROOT / "docs" / "runbooks").glob("*.md")]
    assert sorted(name for heading in headings for name in re.findall(r"Mailflow\w+", heading)) == sorted(NAMES)


# Alertmanager


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run amtool, which must be there, on the shipped config."""
    found = shutil.which("amtool")
    assert found, "amtool is missing: run, as root, sh tests/lab/install.sh"
    return subprocess.run([found, *arguments], cwd=SHIPPED, capture_output=True, text=True, timeout=60, check=False)


def test_alertmanager_takes_the_config() -> None:
    checked = amtool("check-config", "alertmanager.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_an_alert_goes_to_the_receiver_of_its_severity(severity: str) -> None:
    told = amtool("config", "routes", "test", "--config.file=alertmanager.yaml", f"severity={severity}")
    assert told.stdout.split() == [{"critical": "page", "warning": "ticket", "info": "nobody"}[severity]]


@pytest.mark.parametrize(
    "matcher",
    [
        matcher
        for rule in yaml.safe_load((SHIPPED / "alertmanager.yaml").read_text())["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
    ],
)
def test_what_silences_and_what_is_silenced_are_alerts_of_ours(matcher: str) -> None:
    named = re.fullmatch(r'alertname (?:=|!=|=~|!~) "?([^"]+)"?', matcher)
    assert named
    assert any(re.fullmatch(named[1], name) for name in NAMES)
