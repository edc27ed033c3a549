"""One scrape of the program, read as Prometheus reads it."""

from collections.abc import Mapping
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

Labels: TypeAlias = Mapping[str, str]


class Metrics:
    """The numbers of one scrape, asked for by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def total(self, name: str, **labels: str) -> float:
        """Add up every series of this name that carries these labels; there is at least one."""
        values = [value for _, value in self.series(name, **labels)]
        assert values, f"there is no series {name}{labels}"
        return sum(values)

    def series(self, name: str, **labels: str) -> list[tuple[Labels, float]]:
        """Return every series of this name that carries these labels."""
        return [
            (found, value)
            for sample, found, value in self._samples
            if sample == name and labels.items() <= found.items()
        ]

    def outcomes(self, **labels: str) -> dict[str, int]:
        """Return how many probes ended how, those that did."""
        counted: dict[str, int] = {}
        for found, value in self.series("mailflow_probe_outcomes_total", **labels):
            if value:
                counted[found["outcome"]] = counted.get(found["outcome"], 0) + int(value)
        return counted

    def unbalanced(self) -> list[Labels]:
        """Return the paths on which not every probe that was started has one outcome or is in flight."""
        return [
            path for path, started in self.series("mailflow_probes_started_total") if started != self._accounted(path)
        ]

    def _accounted(self, path: Labels) -> float:
        return self.total("mailflow_probe_outcomes_total", **path) + self.total("mailflow_probes_in_flight", **path)
