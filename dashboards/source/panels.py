"""The kinds of panel that the dashboards use, each with one look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_uppercase
from typing import Any, Self

from dashboards.source.links import Link, written_link
from dashboards.source.looks import Steps, Word, thresholds, words
from dashboards.source.promql import expanded

Json = dict[str, Any]
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus, and what its answers are called."""

    text: str
    legend: str = ""
    instant: bool = False
    form: str = "time_series"


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands in one place of a dashboard; widths are in twenty-fourths."""

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    defaults: Json
    options: Json
    width: int = 12
    overrides: tuple[Json, ...] = ()
    extras: Json = field(default_factory=dict)

    def wide(self, width: int) -> Self:
        """Return the same panel, so wide."""
        return replace(self, width=width)

    def linked(self, *links: Link) -> Self:
        """Return the same panel, whose values lead somewhere."""
        return replace(self, defaults=self.defaults | {"links": [written_link(link) for link in links]})

    def limited(self, name: str) -> Self:
        """Return the same panel; the series of this name is a limit, drawn as a red dashed line."""
        dashed = {"fill": "dash", "dash": [10, 10]}
        properties = [
            {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}},
            {"id": "custom.lineStyle", "value": dashed},
        ]
        matcher = {"id": "byName", "options": name}
        return replace(self, overrides=(*self.overrides, {"matcher": matcher, "properties": properties}))

    def coloured(self, colours: Mapping[str, str]) -> Self:
        """Return the same panel, whose series have colours by their names."""
        overrides = (
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
            }
            for name, colour in colours.items()
        )
        return replace(self, overrides=(*self.overrides, *overrides))

    def repeated(self, variable: str) -> Self:
        """Return the same panel, once for each value that is chosen of a variable."""
        return replace(self, extras=self.extras | {"repeat": variable, "repeatDirection": "h", "maxPerRow": 3})


Asked = str | Mapping[str, str]
"""One query, or several by what their answers are called."""


def stat(title: str, description: str, asked: Asked, unit: str, steps: Steps, *, decimals: int = 0) -> Panel:
    """Return numbers as of now; their colour says how good they are."""
    defaults = {"unit": unit, "decimals": decimals, "thresholds": thresholds(steps)}
    return Panel("stat", title, description, _queries(asked, instant=True), defaults, _STAT)


def word_stat(title: str, description: str, asked: Asked, meanings: Sequence[Word]) -> Panel:
    """Return states as of now, each as a word on its colour."""
    return Panel("stat", title, description, _queries(asked, instant=True), _worded(meanings), _STAT)


def graph(
    title: str, description: str, asked: Asked, unit: str, *, log: bool = False, top: float | None = None
) -> Panel:
    """Return lines over time; `log` where short and long times have to be seen together."""
    custom: Json = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "never"}
    defaults: Json = {"unit": unit, "custom": custom}
    if log:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    else:
        defaults["min"] = 0
    if top is not None:
        defaults["max"] = top
    return Panel("timeseries", title, description, _queries(asked), defaults, _OVER_TIME)


def stack(title: str, description: str, asked: Asked, unit: str, *, bars: bool = False) -> Panel:
    """Return parts that add up to a whole, over time; `bars` for what is counted."""
    style = {"drawStyle": "bars", "lineWidth": 0} if bars else {"drawStyle": "line", "lineWidth": 1}
    custom = style | {"fillOpacity": 70, "showPoints": "never", "stacking": {"mode": "normal", "group": "A"}}
    return Panel(
        "timeseries", title, description, _queries(asked), {"unit": unit, "min": 0, "custom": custom}, _OVER_TIME
    )


def timeline(title: str, description: str, asked: Asked, meanings: Sequence[Word]) -> Panel:
    """Return states over time; a state that lasts is one long box."""
    options = _OVER_TIME | {"mergeValues": True, "showValue": "auto", "rowHeight": 0.9}
    return Panel("state-timeline", title, description, _queries(asked), _worded(meanings) | _BOXES, options)


def history(title: str, description: str, asked: Asked, meanings: Sequence[Word]) -> Panel:
    """Return one box for each piece of the time, never merged."""
    options = _OVER_TIME | {"showValue": "never", "rowHeight": 0.9, "colWidth": 0.9}
    # Not more boxes than a screen has room for, and none shorter than the probes are apart.
    fewer = {"interval": "2m", "maxDataPoints": 120}
    return Panel(
        "status-history", title, description, _queries(asked), _worded(meanings) | _BOXES, options, extras=fewer
    )


def heatmap(title: str, description: str, asked: str) -> Panel:
    """Return how often which duration occurred, by the buckets of a histogram."""
    query = Query(expanded(asked), "{{le}}", form="heatmap")
    return Panel("heatmap", title, description, (query,), {}, _HEAT)


def table(
    title: str,
    description: str,
    asked: str,
    unit: str,
    columns: Mapping[str, str],
    *,
    steps: Steps = (),
    least_first: bool = False,
) -> Panel:
    """Return some labels, and `Value`, the number, as columns by these names; `steps` colour the number."""
    query = Query(expanded(asked), instant=True, form="table")
    arranged = {
        "excludeByName": {},
        "indexByName": {name: place for place, name in enumerate(columns)},
        "includeByName": dict.fromkeys(columns, True),
        "renameByName": dict(columns),
    }
    defaults: Json = {"unit": unit, "custom": {"align": "auto"}}
    if steps:
        defaults = {
            "unit": unit,
            "thresholds": thresholds(steps),
            "custom": {"align": "auto", "cellOptions": {"type": "color-text"}},
        }
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "sortBy": [{"displayName": columns["Value"], "desc": not least_first}],
    }
    arranging = {"transformations": [{"id": "organize", "options": arranged}]}
    return Panel("table", title, description, (query,), defaults, options, extras=arranging)


def bars_by(title: str, description: str, asked: str, unit: str, *, rows: str, parts: str) -> Panel:
    """Return a bar for each value of the label `rows`, in pieces by the label `parts`, as of now."""
    query = Query(expanded(asked), instant=True, form="table")
    matrix = {"rowField": rows, "columnField": parts, "valueField": "Value"}
    return Panel(
        "barchart",
        title,
        description,
        (query,),
        {"unit": unit, "min": 0, "custom": {"fillOpacity": 80, "lineWidth": 0}},
        _OVER_TIME | {"orientation": "horizontal", "stacking": "normal", "showValue": "never", "barWidth": 0.8},
        extras={"transformations": [{"id": "groupingToMatrix", "options": matrix}]},
    )


def written_panel(panel: Panel, number: int, place: Json) -> Json:
    """Return a panel in Grafana's words, under a number and in a place."""
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "targets": [_target(query, letter) for query, letter in zip(panel.queries, ascii_uppercase, strict=False)],
        "fieldConfig": {"defaults": panel.defaults, "overrides": list(panel.overrides)},
        "options": panel.options,
        **panel.extras,
    }


_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_OVER_TIME: Json = {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}}
_BOXES: Json = {"custom": {"fillOpacity": 80, "lineWidth": 0}}
_STAT: Json = {
    "colorMode": "background",
    "graphMode": "none",
    "justifyMode": "auto",
    "orientation": "auto",
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    "textMode": "auto",
}
_HEAT: Json = {
    "calculate": False,
    "cellGap": 1,
    "color": {"mode": "scheme", "scheme": "Turbo", "steps": 64},
    "filterValues": {"le": 1e-9},
    "legend": {"show": True},
    "rowsFrame": {"layout": "auto"},
    "tooltip": {"mode": "single", "yHistogram": False},
    "yAxis": {"axisPlacement": "left", "unit": "s"},
}


def _worded(meanings: Sequence[Word]) -> Json:
    return {"mappings": words(meanings), "thresholds": thresholds(((None, "#808080"),))}


def _queries(asked: Asked, *, instant: bool = False) -> tuple[Query, ...]:
    by_name = {"": asked} if isinstance(asked, str) else asked
    return tuple(Query(expanded(text), legend, instant) for legend, text in by_name.items())


def _target(query: Query, letter: str) -> Json:
    when = {"instant": True, "range": False} if query.instant else {"range": True}
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.text,
        "legendFormat": query.legend,
        "format": query.form,
        **when,
    }
