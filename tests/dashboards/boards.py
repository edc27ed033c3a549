"""The dashboards as they are shipped, for tests that ask something of each."""

import json
from functools import cache
from typing import Any

from dashboards.source.every import DASHBOARDS, FOLDER

Json = dict[str, Any]


@cache
def text_of_file(name: str) -> str:
    """Return what is written in the file of a dashboard."""
    return (FOLDER / f"{name}.json").read_text()


def board_called(name: str) -> Json:
    """Return a dashboard as Grafana reads it."""
    board: Json = json.loads(text_of_file(name))
    return board


def panels_of(name: str) -> list[Json]:
    """Return the panels of a dashboard, its headings left out."""
    return [panel for panel in board_called(name)["panels"] if panel["type"] != "row"]


PANELS = [(name, panel) for name in DASHBOARDS for panel in panels_of(name)]
TITLES = [f"{name}: {panel['title']}" for name, panel in PANELS]
