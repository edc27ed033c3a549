"""Metrics of thousands of series: as rows of label values, written by hand.

prometheus_client makes an object and a dictionary of every line, and sorts and escapes its labels anew. That takes six
times as long, and it holds the interpreter's lock meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Metric, exposition, openmetrics
from prometheus_client.metrics_core import METRIC_TYPES
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

Labels: TypeAlias = Sequence[str]
Row: TypeAlias = tuple[str, Labels, float]
"""What ends the name of the family, the values of its labels, and the value."""

_PIECE = 500
"""Lines that are written in one go: half a millisecond's work."""
_END_OF_OPENMETRICS = "# EOF\n"


class Rows(Metric):
    """A family of samples that are made while they are written."""

    def __init__(self, kind: str, name: str, documentation: str, *, labels: Labels, rows: Iterable[Row]) -> None:
        assert kind in METRIC_TYPES
        super().__init__(name, documentation, kind)
        self.labels = tuple(labels)
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows."""
        return iter(self._rows)

    @property
    def samples(self) -> list[Sample]:
        """The same as prometheus_client has them."""
        self._rows = list(self._rows)
        return [
            Sample(self.name + suffix, self._named(suffix, labels), float(value))
            for suffix, labels, value in self._rows
        ]

    @samples.setter
    def samples(self, _: list[Sample]) -> None:
        """Take nothing: the rows are the samples."""

    def _named(self, suffix: str, labels: Labels) -> dict[str, str]:
        return dict(zip((*self.labels, "le") if suffix == "_bucket" else self.labels, labels, strict=True))


def counter(name: str, documentation: str, *, labels: Labels, rows: Iterable[tuple[Labels, float]]) -> Rows:
    """Return a family that counts."""
    return Rows("counter", name, documentation, labels=labels, rows=(("_total", *row) for row in rows))


def gauge(name: str, documentation: str, *, labels: Labels, rows: Iterable[tuple[Labels, float]]) -> Rows:
    """Return a family of values that go up and down."""
    return Rows("gauge", name, documentation, labels=labels, rows=(("", *row) for row in rows))


def written(registry: CollectorRegistry, *, for_openmetrics: bool) -> Iterator[str]:
    """Write all metrics, in pieces that take about equally long; exactly as prometheus_client does."""
    for family in registry.collect():
        if isinstance(family, Rows):
            yield _head(family, for_openmetrics=for_openmetrics)
            yield from _pieces(family)
        else:
            yield _by_the_library(family, for_openmetrics=for_openmetrics)
    if for_openmetrics:
        yield _END_OF_OPENMETRICS


class _One(CollectorRegistry):
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        super().__init__(auto_describe=False)
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def _by_the_library(family: Metric, *, for_openmetrics: bool) -> str:
    if for_openmetrics:
        text: bytes = openmetrics.exposition.generate_latest(_One(family))  # type: ignore[no-untyped-call]  # it ships none
        return text.decode().removesuffix(_END_OF_OPENMETRICS)
    return exposition.generate_latest(_One(family)).decode()


def _head(family: Rows, *, for_openmetrics: bool) -> str:
    name = family.name
    if family.type == "counter" and not for_openmetrics:
        name += "_total"
    documentation = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
    if for_openmetrics:
        documentation = documentation.replace('"', r"\"")
    return f"# HELP {name} {documentation}\n# TYPE {name} {family.type}\n"


def _pieces(family: Rows) -> Iterator[str]:
    writers: dict[str, Callable[[Labels], str]] = {}
    lines = (_line(family, writers, row) for row in family)
    while piece := "".join(islice(lines, _PIECE)):
        yield piece


def _line(family: Rows, writers: dict[str, Callable[[Labels], str]], row: Row) -> str:
    suffix, labels, value = row
    writer = writers.get(suffix)
    if writer is None:
        names = (*family.labels, "le") if suffix == "_bucket" else family.labels
        writer = writers[suffix] = _label_writer(names)
    return f"{family.name}{suffix}{{{writer(labels)}}} {_number(value + 0.0)}\n"


def _label_writer(names: Labels) -> Callable[[Labels], str]:
    """Return what writes the values of these labels, by name in order; the last one varies fastest."""
    *heads, last = names
    order = sorted(range(len(heads)), key=heads.__getitem__)
    before = [index for index in order if heads[index] < last]
    after = [index for index in order if heads[index] > last]
    around: tuple[Labels, str, str] = ((), "", "")

    def write(values: Labels) -> str:
        nonlocal around
        head = values[:-1]
        if around[0] != head or not around[1]:
            opening = "".join(f'{heads[index]}="{_escaped(head[index])}",' for index in before)
            closing = "".join(f',{heads[index]}="{_escaped(head[index])}"' for index in after)
            around = head, f'{opening}{last}="', f'"{closing}'
        return f"{around[1]}{_escaped(values[-1])}{around[2]}"

    return write


@lru_cache(maxsize=8192)
def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@lru_cache(maxsize=8192)
def _number(value: float) -> str:
    # Never -0.0, which the cache would take for 0.0.
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # it ships none
