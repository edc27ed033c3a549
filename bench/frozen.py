"""What 2,000 frozen members cost, and what they do to the others; by `python -m bench.frozen`. Needs nothing.

The members run in a process of their own: the healthy one answers, the frozen ones take the connection and never speak.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import psutil
import uvloop

from bench.report import Figure, conclude, milliseconds, quantile, ratio
from bench.sink import Sink
from probe.demo.system import ADDRESS
from probe.model.message import Envelope
from probe.model.reply import Ending
from probe.model.settings import Member, SmtpSettings, Timeouts, Tls
from probe.net.clock import SystemClock
from probe.net.descriptors import allow_many
from probe.smtp import SmtpSender

FROZEN = 2000
MEMORY_GOAL = 100
"""In MB of 1,000,000 bytes."""
UNMOVED = 1.1
"""How many times what it is without them the median of the others may be."""

_LONG = timedelta(minutes=10)
_SETTINGS = SmtpSettings(tls=Tls.NONE, ehlo="bench.test", timeouts=Timeouts(_LONG, _LONG, _LONG))
_ENVELOPE = Envelope(ADDRESS, ADDRESS, b"Subject: frozen\r\n\r\n" + b"An ordinary line of text.\r\n" * 20)
_STANDS_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured in all spells of one kind, in their order."""

    spells: list[list[float]]
    """Seconds of each message to the healthy member, from connect to the reply after the dot."""
    resident_bytes: list[int]

    @property
    def seconds(self) -> list[float]:
        """Return those of all spells."""
        return [seconds for spell in self.spells for seconds in spell]

    @property
    def medians(self) -> list[float]:
        """Return the median of each spell."""
        return [quantile(spell, 0.5) for spell in self.spells]


@click.command()
@click.option("--quick", is_flag=True, help="9 pairs of spells with 100 messages each, in place of 25 with 200.")
def main(quick: bool) -> None:
    """Send to a healthy member in turns with and without the frozen ones, and compare."""
    allow_many()  # a socket for each
    pairs, messages = (9, 100) if quick else (25, 200)
    with Sink(2) as sink:
        healthy, frozen = sink.members
        sink.freeze([frozen])
        figures = uvloop.run(_measure(sink.members[healthy], sink.members[frozen], pairs, messages))
    sys.exit(conclude(f"{FROZEN} frozen members, in turns with none", figures))


async def _measure(healthy: int, frozen: int, pairs: int, messages: int) -> list[Figure]:
    sender, alone, beside = SmtpSender(SystemClock()), Seen([], []), Seen([], [])
    await _spell(sender, healthy, messages, Seen([], []))  # what is loaded and learnt once is not counted
    for _ in range(pairs):
        await _spell(sender, healthy, messages, alone)
        async with _frozen(sender, frozen):
            await _spell(sender, healthy, messages, beside)
    return _figures(alone, beside)


async def _spell(sender: SmtpSender, port: int, messages: int, seen: Seen) -> None:
    gc.collect()
    seen.spells.append([await _seconds(sender, port) for _ in range(messages)])
    seen.resident_bytes.append(psutil.Process().memory_info().rss)


async def _seconds(sender: SmtpSender, port: int) -> float:
    until = datetime.now(UTC) + _LONG
    attempt = await sender.send(_member("healthy", port), _ENVELOPE, settings=_SETTINGS, until=until)
    if attempt.ending is not Ending.ACCEPTED or attempt.smtp_time is None:
        raise RuntimeError(attempt.reason)
    return attempt.smtp_time.total_seconds()


@asynccontextmanager
async def _frozen(sender: SmtpSender, port: int) -> AsyncIterator[None]:
    """Let a probe of each frozen member be under way meanwhile."""
    before, until = _connections(), datetime.now(UTC) + _LONG
    tasks = [
        asyncio.create_task(sender.send(_member(f"frozen-{number}", port), _ENVELOPE, settings=_SETTINGS, until=until))
        for number in range(FROZEN)
    ]
    try:
        async with asyncio.timeout(_STANDS_WITHIN.total_seconds()):
            while _connections() - before < FROZEN:  # noqa: ASYNC110 - only the kernel knows
                await asyncio.sleep(0.1)
        yield
        if any(task.done() for task in tasks):
            raise RuntimeError("not all of the frozen members stayed frozen")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _member(name: str, port: int) -> Member:
    return Member("bench", name, "127.0.0.1", port)


def _connections() -> int:
    return psutil.Process().num_fds()


def _figures(alone: Seen, beside: Seen) -> list[Figure]:
    # Pair by pair: what else the machine does comes and goes, and is the same for two spells that follow each other.
    moved = quantile([after / before for before, after in zip(alone.medians, beside.medians, strict=True)], 0.5)
    low, high = alone.resident_bytes[0] / 1e6, max(beside.resident_bytes) / 1e6
    return [
        Figure("messages to the healthy", f"{len(beside.seconds)}", f"{len(alone.seconds)}"),
        Figure("memory", f"{high:.0f} MB", f"{low:.0f} MB", f"< {MEMORY_GOAL} MB more", met=high - low < MEMORY_GOAL),
        Figure("memory, each", f"{(high - low) * 1e3 / FROZEN:.1f} kB"),
        Figure("smtp, median, pair by pair", f"{moved:.2f} x", goal=f"<= {UNMOVED} x", met=moved <= UNMOVED),
        _compared("smtp, median", alone, beside, 0.5),
        _compared("smtp, p99", alone, beside, 0.99),
    ]


def _compared(name: str, alone: Seen, beside: Seen, share: float) -> Figure:
    without, with_them = quantile(alone.seconds, share), quantile(beside.seconds, share)
    return Figure(name, milliseconds(with_them), f"{milliseconds(without)} ({ratio(with_them, without)})")


if __name__ == "__main__":
    main()
