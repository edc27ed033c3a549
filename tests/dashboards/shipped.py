"""The shipped alerts, the recordings that they rest on, and what is tested of them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.dashboards.names import ROOT

Rule = dict[str, Any]

SHIPPED = ROOT / "dashboards"
SCENES = sorted((Path(__file__).parent / "scenes").glob("*.yaml"))
"""Made-up series, and which alerts fire for them: what `promtool test rules` runs."""


def groups(name: str) -> list[dict[str, Any]]:
    """Return the groups of rules in one of the shipped files."""
    found: list[dict[str, Any]] = yaml.safe_load((SHIPPED / name).read_text())["groups"]
    return found


def rules(name: str) -> list[Rule]:
    """Return the rules in one of the shipped files, in the order in which they are evaluated."""
    return [rule for group in groups(name) for rule in group["rules"]]


def promtool(*arguments: str, cwd: Path = SHIPPED) -> subprocess.CompletedProcess[str]:
    """Run promtool, which must be there."""
    found = shutil.which("promtool")
    assert found, "promtool is missing: install the package prometheus"
    return subprocess.run([found, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
