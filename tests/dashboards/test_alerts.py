"""The shipped alerts: sound, tested, and each with a page that says what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards.names import ROOT, exported, metrics_in

ALERTS = ROOT / "dashboards" / "alerts.yaml"
TESTS = ROOT / "dashboards" / "alerts_test.yaml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]


def promtool(*arguments: str, cwd: Path = ROOT / "dashboards") -> subprocess.CompletedProcess[str]:
    """Run promtool, which must be there."""
    found = shutil.which("promtool")
    assert found, "promtool is missing: install the package prometheus"
    return subprocess.run([found, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_promtool_finds_the_rules_sound() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", ALERTS.name)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    checked = promtool("test", "rules", TESTS.name)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_test_of_the_rules_notices_a_rule_that_never_fires(tmp_path: Path) -> None:
    # Given
    (tmp_path / TESTS.name).write_text(TESTS.read_text())
    (tmp_path / ALERTS.name).write_text(
        ALERTS.read_text().replace("mailflow_shared_fault == 1", "mailflow_shared_fault > 1")
    )

    # When
    checked = promtool("test", "rules", TESTS.name, cwd=tmp_path)

    # Then
    assert checked.returncode != 0
    assert "MailflowSharedFault" in checked.stdout + checked.stderr


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tested_firing_and_silent(name: str) -> None:
    expected = [
        bool(rule["exp_alerts"])
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for rule in test["alert_rule_test"]
        if rule["alertname"] == name
    ]
    assert set(expected) == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_asks_only_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    asked = metrics_in(rule["expr"])
    assert asked
    assert asked <= exported()


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_how_bad_it_is_what_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert "{{" not in annotations["summary"]
    assert annotations["description"].endswith(".")
    runbook = (ROOT / annotations["runbook_url"]).read_text()
    assert re.search(rf"^# .*\b{rule['alert']}\b", runbook)
    assert re.findall(r"^## (.*)$", runbook, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_every_runbook_belongs_to_an_alert() -> None:
    pages = {f"docs/runbooks/{page.name}" for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule["annotations"]["runbook_url"] for rule in RULES}
