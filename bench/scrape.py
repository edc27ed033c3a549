"""How long a scrape takes, how large it is, and how long it holds up the loop; by `python -m bench.scrape`.

In one process, without a network. The reference is prometheus_client, writing the same metrics.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click
import uvloop
from prometheus_client import openmetrics

from bench.report import Figure, conclude, milliseconds, ratio
from probe.engine.board import Board
from probe.engine.happenings import MembersKnown
from probe.metrics import Exposition, ReloadState
from probe.metrics.collector import registry
from probe.model.settings import Member, Pool, Route, Settings, SmtpSettings

SIZES = (100, 1000, 10_000)
TIMES = 5
ACCEPT = "application/openmetrics-text"
GOALS = {100: 0.5, 1000: 1.0, 10_000: 5.0}
"""Seconds; Prometheus gives up after ten."""
STALL_GOAL = 0.02
"""So long the loop may be held up at 1,000 members."""


@click.command()
@click.option("--members", "sizes", type=int, multiple=True, help=f"By default {', '.join(map(str, SIZES))}.")
def main(sizes: tuple[int, ...]) -> None:
    """Scrape boards of several sizes."""
    figures = [figure for members in sizes or SIZES for figure in measure(members)]
    sys.exit(conclude("scrapes", figures))


def measure(members: int) -> list[Figure]:
    """Scrape a board with so many members."""
    board = _board(members)
    reference = _processor_time(lambda: _by_the_library(board))
    seconds, processor, stall, plain, packed = uvloop.run(_scraped(board))
    goal = GOALS.get(members, GOALS[SIZES[-1]])
    word = f"{members} members"
    beside = f"{milliseconds(reference)} ({ratio(processor, reference)})"
    return [
        Figure(f"{word}: scrape", milliseconds(seconds), "", f"< {goal:g} s", seconds < goal),
        Figure(f"{word}: processor", milliseconds(processor), beside),
        Figure(
            f"{word}: loop held up",
            milliseconds(stall),
            "at the longest",
            f"< {milliseconds(STALL_GOAL)}" if members <= 1000 else "",
            stall < STALL_GOAL or members > 1000,
        ),
        Figure(f"{word}: size", f"{plain / 1_000_000:.1f} MB", f"{packed / 1_000_000:.2f} MB by gzip"),
    ]


async def _scraped(board: Board) -> tuple[float, float, float, int, int]:
    exposition = Exposition(lambda: board.snapshot(datetime.now(UTC)), lambda: ReloadState(True, datetime.now(UTC)))
    plain, _ = await exposition.render(ACCEPT, "")
    began, spent, stall, packed = time.perf_counter(), time.process_time(), 0.0, b""
    for _ in range(TIMES):
        scraping = asyncio.ensure_future(exposition.render(ACCEPT, "gzip"))
        while not scraping.done():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            stall = max(stall, time.perf_counter() - before - 0.001)
        packed, _ = scraping.result()
    exposition.close()
    seconds = (time.perf_counter() - began) / TIMES
    return seconds, (time.process_time() - spent) / TIMES, stall, len(plain), len(packed)


def _by_the_library(board: Board) -> None:
    now = datetime.now(UTC)
    openmetrics.exposition.generate_latest(registry(board.snapshot(now), ReloadState(True, now)))  # type: ignore[no-untyped-call]


def _processor_time(what: Callable[[], None]) -> float:
    began = time.process_time()
    what()
    return time.process_time() - began


def _board(count: int) -> Board:
    members = tuple(Member("many", f"m{number:05}", "127.0.0.1", 25) for number in range(count))
    route = Route(
        name="inbound",
        pool="many",
        mailbox=None,
        sender="a@lab.test",
        recipient="b@lab.test",
        bounces=None,
        interval=timedelta(minutes=1),
        deadline=timedelta(minutes=5),
        late_until=timedelta(days=5),
    )
    pool = Pool(name="many", members=members, smtp=SmtpSettings())
    settings = Settings(instance="bench", state="", mailboxes={}, pools={"many": pool}, routes={"inbound": route})
    board = Board(settings, now=datetime.now(UTC))
    board(MembersKnown("many", members))
    return board


if __name__ == "__main__":
    main()
