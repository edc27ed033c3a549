"""The dashboards fit Grafana's own types: those of its packages for TypeScript and for Python."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.source.every import DASHBOARDS
from tests.dashboards.boards import Json, board_called, text_of_file

SCHEMA = Path(__file__).with_name("schema")
TSC = SCHEMA / "node_modules" / ".bin" / "tsc"


def told_by_tsc(home: Path, **texts: str) -> str:
    """Return what TypeScript says about dashboards, by name."""
    assert TSC.exists(), "Grafana's types are missing: run `make schema`"
    for file in ("provisioned.ts", "tsconfig.json", "package.json"):
        shutil.copy(SCHEMA / file, home)
    (home / "node_modules").symlink_to(SCHEMA / "node_modules")
    for name, text in texts.items():
        typed = 'import type { Provisioned } from "./provisioned.js";\nexport const dashboard: Provisioned = '
        (home / f"{name}.ts").write_text(f"{typed}{text.rstrip()};\n")
    checked = subprocess.run([TSC], cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert bool(checked.stdout) == bool(checked.returncode), checked.stderr
    return checked.stdout


def test_grafanas_types_for_typescript_fit_every_dashboard(tmp_path: Path) -> None:
    assert told_by_tsc(tmp_path, **{name: text_of_file(name) for name in DASHBOARDS}) == ""


BENT = {
    "a word that is none of an enum": ('"graphMode": "none"', '"graphMode": "nothing"'),
    "an option that the kind of panel does not have": ('"mergeValues": true', '"mergeBoxes": true'),
    "a kind of panel that there is not": ('"type": "state-timeline"', '"type": "statetimeline"'),
    "a text in place of a number": ('"graphTooltip": 1', '"graphTooltip": "1"'),
    "a misspelt look": ('"fillOpacity"', '"fillOpacty"'),
    "a misspelt key of a variable": ('"allValue"', '"allValues"'),
}


def test_grafanas_types_for_typescript_find_what_is_wrong(tmp_path: Path) -> None:
    # Given
    whole = text_of_file("overview")
    assert all(whole.count(old) for old, _ in BENT.values())

    # When
    told = told_by_tsc(tmp_path, **{f"bent{number}": whole.replace(*bent) for number, bent in enumerate(BENT.values())})

    # Then
    assert {name for number, name in enumerate(BENT) if f"bent{number}.ts" in told} == set(BENT)


def read_by_sdk(board: Json) -> Json:
    """Return a dashboard as Grafana's package for Python has understood it."""
    register_default_plugins()
    read: Json = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    return read


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield the places where something of ours is gone or another one; what was only added are defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if value is not None or key in theirs:
                yield from lost(value, theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{path}[{number}]")
    elif ours != theirs:
        yield path


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafanas_types_for_python_lose_nothing_of_a_dashboard(name: str) -> None:
    board = board_called(name)
    assert list(lost(board, read_by_sdk(board))) == []


def misspell_a_key(board: Json) -> None:
    panel = board["panels"][0]
    panel["desciption"] = panel.pop("description")


def misspell_in_a_query(board: Json) -> None:
    target = board["panels"][0]["targets"][0]
    target["legendFromat"] = target.pop("legendFormat")


@pytest.mark.parametrize("misspell", [misspell_a_key, misspell_in_a_query])
def test_grafanas_types_for_python_lose_what_is_misspelt(misspell: Callable[[Json], None]) -> None:
    board = board_called("overview")
    misspell(board)
    assert list(lost(board, read_by_sdk(board)))
