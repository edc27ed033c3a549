"""How a scrape is answered."""

import asyncio
import gzip
from collections.abc import Iterator

import pytest

from probe.engine.board import Board
from probe.engine.happenings import Skipped
from probe.engine.snapshot import Snapshot
from probe.metrics import Exposition, ReloadState
from tests.metrics.boards import NOW, fresh_board

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
SKIPPED = b'mailflow_probes_skipped_total{member="mta1",pool="vip",route="inbound"} '


class Scraped:
    """An exposition of a board, that counts how often the board was read."""

    def __init__(self) -> None:
        self.board: Board = fresh_board()
        self.readings = 0
        self.begun = asyncio.Event()
        self.exposition = Exposition(self._read, lambda: ReloadState(True, NOW))

    def _read(self) -> Snapshot:
        self.readings += 1
        self.begun.set()
        return self.board.snapshot(NOW)

    async def body(self) -> bytes:
        return (await self.exposition.render("", ""))[0]


@pytest.fixture
def scraped() -> Iterator[Scraped]:
    made = Scraped()
    yield made
    made.exposition.close()


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
        (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("Application/OpenMetrics-Text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text;q=0", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;q=nonsense", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=\x00", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
def test_the_format_is_the_one_that_the_scraper_prefers(scraped: Scraped, accept: str, form: str) -> None:
    body, headers = asyncio.run(scraped.exposition.render(accept, ""))
    assert headers["Content-Type"] == form
    assert body.endswith(b"# EOF\n") is form.startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    ("accept_encoding", "gzipped"), [("gzip", True), ("deflate, gzip;q=0.5", True), ("", False), ("gzip;q=0", False)]
)
def test_it_is_compressed_only_for_who_asks(scraped: Scraped, accept_encoding: str, gzipped: bool) -> None:
    body, headers = asyncio.run(scraped.exposition.render("", accept_encoding))
    assert ("Content-Encoding" in headers) is gzipped
    assert (gzip.decompress(body) if gzipped else body).startswith(b"# HELP")


def test_a_later_scrape_tells_what_happened_after_the_one_before(scraped: Scraped) -> None:
    async def scenario() -> None:
        assert SKIPPED + b"0.0" in await scraped.body()
        scraped.board(Skipped("vip", "mta1", "inbound"))
        assert SKIPPED + b"1.0" in await scraped.body()

    asyncio.run(scenario())


def test_scrapes_at_the_same_time_share_one_rendering(scraped: Scraped) -> None:
    async def scenario() -> None:
        bodies = await asyncio.gather(*(scraped.body() for _ in range(20)))
        assert len(set(bodies)) == 1

    asyncio.run(scenario())
    assert scraped.readings == 1


def test_a_scrape_during_a_rendering_is_not_told_what_was_before_it_asked(scraped: Scraped) -> None:
    async def scenario() -> None:
        # Given
        first = asyncio.create_task(scraped.body())
        await scraped.begun.wait()

        # When
        scraped.board(Skipped("vip", "mta1", "inbound"))
        late = await asyncio.gather(*(scraped.body() for _ in range(5)))

        # Then
        assert all(SKIPPED + b"1.0" in body for body in late)
        assert SKIPPED + b"0.0" in await first

    asyncio.run(scenario())
    assert scraped.readings == 2


def test_a_scraper_that_goes_away_takes_no_answer_from_others(scraped: Scraped) -> None:
    async def scenario() -> None:
        impatient, patient = asyncio.create_task(scraped.body()), asyncio.create_task(scraped.body())
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).startswith(b"# HELP")

    asyncio.run(scenario())
