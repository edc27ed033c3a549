"""How soon the status page of 1,000 members is there, and what it does to load balancers; by `python -m bench.page`.

The server is a process of its own with a full board, and as many probes finish as with an interval of a minute. The
page is opened in Chromium, anew each time. Ready: all is drawn, and the script follows what happens.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import click
import httpx
from playwright.async_api import Browser

from bench.page_server import PageServer
from bench.report import Figure, conclude, milliseconds, quantile
from tests.web.browser import WIDE, browser

READY_GOAL_SECONDS = 1.0
MEMORY_GOAL = 10
"""In MB of 1,000,000 bytes."""
_TIMES = 5
_FEW = 10
"""Members of the page that is the reference."""
_READY = """() => new Promise((resolve) => {
    const drawn = () => requestAnimationFrame(() => resolve(performance.now()));
    const look = () => document.querySelector("#live.on") ? drawn() : setTimeout(look, 5);
    look();
})"""


@click.command()
@click.option("--members", default=1000, show_default=True)
def main(members: int) -> None:
    """Measure the page alone, and health beside it."""
    with PageServer(members) as server, PageServer(_FEW) as small:
        sys.exit(conclude(f"status page of {members} members", asyncio.run(measure(server, small.url))))


async def measure(server: PageServer, small: str) -> Sequence[Figure]:
    """Fetch the page, open it beside a small one, and ask for health while it is fetched again and again."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        alone = await _health(client, asyncio.sleep(2))
        fetched = [await _fetch(client) for _ in range(_TIMES)]
        async with browser() as chromium:
            reference = statistics.median(await _opened(chromium, small))
            ready = await _opened(chromium, server.url)
        beside = await _health(client, _fetch_again_and_again(server.url))
    first, whole, size = (statistics.median(column) for column in zip(*fetched, strict=True))
    opened = statistics.median(ready)
    with_few = f"{milliseconds(reference)} with {_FEW}"
    megabytes = server.strips_bytes / 1_000_000
    return [
        Figure("GET /, first octet", milliseconds(first)),
        Figure("GET /, all of it", milliseconds(whole), f"{size / 1_000_000:.1f} MB"),
        Figure("ready in Chromium", milliseconds(opened), with_few, "< 1 s", opened < READY_GOAL_SECONDS),
        Figure("ready in Chromium, slowest", milliseconds(max(ready))),
        Figure("health meanwhile, median", milliseconds(quantile(beside, 0.5)), milliseconds(quantile(alone, 0.5))),
        Figure("health meanwhile, p99", milliseconds(quantile(beside, 0.99)), milliseconds(quantile(alone, 0.99))),
        Figure("memory of the strips", f"{megabytes:.1f} MB", "", f"< {MEMORY_GOAL} MB", megabytes < MEMORY_GOAL),
    ]


async def _fetch(client: httpx.AsyncClient) -> tuple[float, float, int]:
    asked = time.perf_counter()
    async with client.stream("GET", "/") as response:
        size, first = 0, 0.0
        async for piece in response.aiter_raw():
            first = first or time.perf_counter() - asked
            size += len(piece)
    return first, time.perf_counter() - asked, size


async def _fetch_again_and_again(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        for _ in range(4 * _TIMES):
            await _fetch(client)


async def _opened(chromium: Browser, url: str) -> list[float]:
    """Return the seconds from the beginning of the navigation until the page is ready, of some openings."""
    seconds = []
    for _ in range(_TIMES):
        context = await chromium.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
        page = await context.new_page()
        await page.goto(url, wait_until="commit")
        seconds.append(await page.evaluate(_READY) / 1000)
        await context.close()
    return seconds


async def _health(client: httpx.AsyncClient, meanwhile: Coroutine[Any, Any, object]) -> list[float]:
    """Ask for health every few milliseconds until something else is over."""
    over = asyncio.create_task(meanwhile)
    took = []
    while not over.done():
        asked = time.perf_counter()
        await client.get("/health/vip/mta00001")
        took.append(time.perf_counter() - asked)
        await asyncio.sleep(0.005)
    await over
    return took


if __name__ == "__main__":
    main()
