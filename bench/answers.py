"""How soon load balancers are answered while 1,000 members are probed; by `python -m bench.answers`.

The program, the mail system and the balancer are processes of their own. The balancer asks at a steady pace, on a new
connection each time, and its clock begins when the question is due, whether or not the one before has been answered.
The reference is a server that does nothing else, asked at the same time: it shows what is the machine's.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click
import uvloop

from bench.members import LISTEN, QUICK, Scale, write_config
from bench.plain_server import PlainServer
from bench.program import Program
from bench.report import Figure, conclude, milliseconds, quantile, ratio
from bench.sink import Sink

GOAL_SECONDS = 0.005
"""The 99th percentile."""
PACE = 200
"""Questions a second."""
PLAIN_PACE = 50
"""Questions a second to the reference."""
SILENT_PACE = 200
"""Connections a second of those who never say anything."""
_AT_ONCE = 8
"""Balancers that ask as fast as they are answered."""

Ask = Callable[[], Awaitable[None]]
HOST, PORT = LISTEN.split(":")
AGENT_PORT = "19848"


@click.command()
@click.option("--quick", is_flag=True, help="250 members at 15 s, and windows of 30 s.")
def main(quick: bool) -> None:
    """Ask while it probes, while it is scraped, and while others flood it."""
    scale = QUICK if quick else Scale()
    with Sink(scale.members) as sink, tempfile.TemporaryDirectory(prefix="mailflow-bench-") as home:
        config = write_config(Path(home), sink, scale, agent={"listen": f"{HOST}:{AGENT_PORT}"})
        with Program(config, listen=LISTEN), PlainServer() as plain:
            time.sleep(scale.interval.total_seconds() / 4)
            figures = uvloop.run(measure(next(iter(sink.members)), plain.port, scale.window.total_seconds() / 6))
    sys.exit(conclude(f"answers beside {scale.members} members at {scale.interval.total_seconds():.0f} s", figures))


async def measure(member: str, plain_port: int, seconds: float) -> Sequence[Figure]:
    """Ask for the health of a member, by HTTP and as HAProxy's agent-check does, alone and beside others."""

    async def health() -> None:
        await _get(f"/health/many/{member}")

    async def agent() -> None:
        await _agent_check(f"many/{member}")

    async def plain() -> None:
        await _get("/", port=plain_port)

    async def latencies(name: str, ask: Ask) -> list[Figure]:
        took, reference = await asyncio.gather(_paced(ask, seconds, PACE), _paced(plain, seconds, PLAIN_PACE))
        return _figures(name, took, reference)

    figures = []
    for name, ask in (("health", health), ("agent", agent)):
        figures += await latencies(name, ask)
        async with _others(_scraping):
            figures += await latencies(f"{name}, scraped each second", ask)
        async with _others(_silent):
            figures += await latencies(f"{name}, {SILENT_PACE} silent a second", ask)
        rate = await _as_fast_as_answered(ask, seconds / 4)
        figures.append(Figure(f"{name}: answers a second", f"{rate:.0f}", f"by {_AT_ONCE} at once"))
    return figures


def _figures(name: str, took: Sequence[float], reference: Sequence[float]) -> list[Figure]:
    p99 = quantile(took, 0.99)
    goal = f"< {GOAL_SECONDS * 1000:.0f} ms"
    return [
        Figure(f"{name}: median", milliseconds(quantile(took, 0.5)), _beside(took, reference, 0.5)),
        Figure(f"{name}: p99", milliseconds(p99), _beside(took, reference, 0.99), goal, p99 < GOAL_SECONDS),
        Figure(f"{name}: longest of {len(took)}", milliseconds(max(took))),
    ]


def _beside(took: Sequence[float], reference: Sequence[float], share: float) -> str:
    plain = quantile(reference, share)
    return f"{milliseconds(plain)} ({ratio(quantile(took, share), plain)})"


async def _paced(ask: Ask, seconds: float, pace: int) -> list[float]:
    """Return how long each answer took."""
    took: list[float] = []

    async def timed(due: float) -> None:
        await ask()
        took.append(time.perf_counter() - due)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as asking:
        for number in range(int(seconds * pace)):
            due = began + number / pace
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            asking.create_task(timed(max(due, time.perf_counter())))
    return took


async def _as_fast_as_answered(ask: Ask, seconds: float) -> float:
    """Return how many answers came in a second."""
    answered = 0
    end = time.perf_counter() + seconds

    async def again_and_again() -> None:
        nonlocal answered
        while time.perf_counter() < end:
            await ask()
            answered += 1

    async with asyncio.TaskGroup() as asking:
        for _ in range(_AT_ONCE):
            asking.create_task(again_and_again())
    return answered / seconds


@asynccontextmanager
async def _others(what: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(what())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _scraping() -> None:
    """Scrape as Prometheus does, once a second."""
    while True:
        await _get("/metrics", "Accept: application/openmetrics-text", "Accept-Encoding: gzip")
        await asyncio.sleep(1)


async def _silent() -> None:
    """Connect again and again, and say nothing, until the server has had enough."""
    held = []
    try:
        while True:
            held.append(await asyncio.open_connection(HOST, PORT))
            held = [(reader, writer) for reader, writer in held if not reader.at_eof()]
            await asyncio.sleep(1 / SILENT_PACE)
    finally:
        for _, writer in held:
            writer.close()


async def _agent_check(member: str) -> None:
    reader, writer = await asyncio.open_connection(HOST, AGENT_PORT)
    writer.write(f"{member}\n".encode())
    answer = await reader.read()
    assert answer in (b"up\n", b"# unknown\n"), answer
    writer.close()


async def _get(path: str, *headers: str, port: int | str = PORT) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write("\r\n".join([f"GET {path} HTTP/1.0", *headers, "", ""]).encode())
    answer = await reader.read(64)
    assert answer.split(b" ", 2)[1] in (b"200", b"503"), answer
    await reader.read()
    writer.close()


if __name__ == "__main__":
    main()
