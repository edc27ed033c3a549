"""What is written by hand is what prometheus_client writes, octet by octet."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, exposition, openmetrics
from prometheus_client.registry import Collector

from probe.engine.board import Board
from probe.metrics import ReloadState
from probe.metrics.collector import SnapshotCollector
from probe.metrics.notifications import Notifications
from probe.metrics.rows import Row, Rows, counter, gauge, written
from probe.metrics.tokens import TokenExpiries
from tests.metrics.boards import NOW, asking, board_of_exchangers, fresh_board, lively_board

BOARDS: dict[str, Callable[[], Board]] = {
    "fresh": fresh_board,
    "lively": lively_board,
    "exchangers": board_of_exchangers,
    "asking": lambda: Board(asking(), now=NOW),
}
LABEL = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
NUMBER = st.one_of(st.integers(-(10**20), 10**20), st.floats().map(lambda value: value + 0.0))
"""All but -0.0, of which we make 0.0."""


class Told(Collector):
    """A collector that tells some families."""

    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()


def of(collector: Collector) -> CollectorRegistry:
    made = CollectorRegistry(auto_describe=False)
    made.register(collector)
    return made


def by_the_library(registry: CollectorRegistry, *, for_openmetrics: bool) -> str:
    generate = openmetrics.exposition.generate_latest if for_openmetrics else exposition.generate_latest
    text: bytes = generate(registry)
    return text.decode()


@pytest.mark.parametrize("for_openmetrics", [False, True])
@pytest.mark.parametrize("name", BOARDS)
def test_every_family_of_the_board_is_written_like_this(name: str, for_openmetrics: bool) -> None:
    told = of(
        SnapshotCollector(BOARDS[name]().snapshot(NOW), ReloadState(True, NOW), TokenExpiries(), Notifications(), 3)
    )
    text = "".join(written(told, for_openmetrics=for_openmetrics))
    assert text == by_the_library(told, for_openmetrics=for_openmetrics)


@pytest.mark.parametrize("for_openmetrics", [False, True])
@given(rows=st.lists(st.tuples(LABEL, LABEL, LABEL, NUMBER)), documentation=LABEL)
def test_whatever_stands_in_it(
    rows: list[tuple[str, str, str, float]], documentation: str, for_openmetrics: bool
) -> None:
    labels = ("pool", "outcome", "member")

    def families() -> Iterator[Metric]:
        yield counter("made_up", documentation, labels=labels, rows=((row[:3], row[3]) for row in rows))
        yield gauge("made_up_too", documentation, labels=labels[:1], rows=((row[:1], row[3]) for row in rows))
        yield Rows("histogram", "made_up_last", documentation, labels=labels, rows=buckets())

    def buckets() -> Iterator[Row]:
        for *names, value in rows:
            yield "_bucket", (*names, "0.5"), value
            yield "_bucket", (*names, "+Inf"), value
            yield "_count", tuple(names), value
            yield "_sum", tuple(names), value

    told = of(Told(families))
    text = "".join(written(told, for_openmetrics=for_openmetrics))
    assert text == by_the_library(told, for_openmetrics=for_openmetrics)


def test_a_large_family_comes_in_pieces() -> None:
    def families() -> Iterator[Metric]:
        yield gauge("made_up", "Made up.", labels=("pool",), rows=((("vip",), number) for number in range(1250)))

    pieces = list(written(of(Told(families)), for_openmetrics=False))
    assert [piece.count("\n") for piece in pieces] == [2, 500, 500, 250]
