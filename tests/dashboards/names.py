"""Which metrics there are, and which of them a query names."""

import re
from functools import cache
from pathlib import Path

from prometheus_client.core import Metric

from probe.metrics import ReloadState, TokenExpiries
from probe.metrics.collector import registry
from tests.metrics.boards import NOW, board_of_exchangers, lively_board

ROOT = Path(__file__).parents[2]


@cache
def exported() -> frozenset[str]:
    """The names of all series that the collector can tell."""
    return frozenset(sample.name for family in _families() for sample in family.samples)


@cache
def labels_of(metric: str) -> frozenset[str]:
    """The labels that a series carries, those of its target included."""
    return frozenset({"job", "instance"}).union(
        *(sample.labels for family in _families() for sample in family.samples if sample.name == metric)
    )


def _families() -> list[Metric]:
    boards, reload, tokens = (lively_board(), board_of_exchangers()), ReloadState(True, NOW), TokenExpiries({"mx": NOW})
    return [family for board in boards for family in registry(board.snapshot(NOW), reload, tokens).collect()]


def metrics_in(query: str) -> set[str]:
    """The metrics of ours that a query names."""
    return set(re.findall(r"\bmailflow_\w+", query))
