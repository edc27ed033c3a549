"""Which metrics there are, and which of them a query names."""

import re
from functools import cache
from pathlib import Path

from prometheus_client.core import Metric

from probe.metrics import ReloadState
from probe.metrics.collector import registry
from tests.metrics.boards import NOW, lively_board

ROOT = Path(__file__).parents[2]


@cache
def exported() -> frozenset[str]:
    """The names of all series that the collector can tell."""
    families = registry(lively_board().snapshot(NOW), ReloadState(True, NOW)).collect()
    return frozenset(sample.name for family in families for sample in family.samples)


@cache
def labels_of(metric: str) -> frozenset[str]:
    """The labels that a series carries, those of its target included."""
    families: list[Metric] = list(registry(lively_board().snapshot(NOW), ReloadState(True, NOW)).collect())
    return frozenset({"job", "instance"}).union(
        *(sample.labels for family in families for sample in family.samples if sample.name == metric)
    )


def metrics_in(query: str) -> set[str]:
    """The metrics of ours that a query names."""
    return set(re.findall(r"\bmailflow_\w+", query))
