"""A dashboard as a whole: its variables, its annotations, and its panels in strips."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.source.annotations import ANNOTATIONS
from dashboards.source.links import BETWEEN_DASHBOARDS
from dashboards.source.panels import Json, Panel, written_panel
from dashboards.source.variables import VARIABLES, Variable, written_variable

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above strips, by which they can be folded away."""

    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Panels beside one another, of one height."""

    height: int
    panels: tuple[Panel, ...]

    def __post_init__(self) -> None:
        if (width := sum(panel.width for panel in self.panels)) != COLUMNS:
            raise ValueError(f"{self.panels[0].title} and its neighbours are {width} wide")


def strip(height: int, *panels: Panel) -> Strip:
    """Return panels beside one another."""
    return Strip(height, panels)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What people choose in Grafana's list."""

    uid: str
    title: str
    description: str
    content: tuple[Heading | Strip, ...]
    variables: tuple[Variable, ...] = VARIABLES


def written(dashboard: Dashboard) -> dict[str, Any]:
    """Return a dashboard in the words of Grafana's classic JSON."""
    return {
        "id": None,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["mailflow"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 42,
        "version": 1,
        "timezone": "",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "links": BETWEEN_DASHBOARDS,
        "annotations": {"list": ANNOTATIONS},
        "templating": {"list": [_DATASOURCE, *map(written_variable, dashboard.variables)]},
        "panels": list(_placed(dashboard)),
    }


_DATASOURCE: Json = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _placed(dashboard: Dashboard) -> Iterator[Json]:
    number, y = 0, 0
    for part in dashboard.content:
        if isinstance(part, Heading):
            number += 1
            yield _written_heading(part, number, y)
            y += 1
            continue
        x = 0
        for panel in part.panels:
            number += 1
            yield written_panel(panel, number, {"h": part.height, "w": panel.width, "x": x, "y": y})
            x += panel.width
        y += part.height


def _written_heading(heading: Heading, number: int, y: int) -> Json:
    place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
    return {"id": number, "type": "row", "title": heading.title, "collapsed": False, "gridPos": place, "panels": []}
