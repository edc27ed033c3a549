"""What PIPELINING and kept connections save, by latency; by `python -m bench.pipelining`. Nothing leaves this host."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import click

from bench.relay import Relay
from bench.report import Figure, conclude, milliseconds
from probe.demo.system import ADDRESS, MailSystem
from probe.model.message import Envelope
from probe.model.reply import Ending
from probe.model.settings import Member, SmtpSettings, Tls
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender

LATENCIES = (0.0, 0.020, 0.100)
"""Seconds there and back."""
_TOLERANCE = 0.9
"""The share of the time due that has to be saved: other work of this host costs some of it."""
_ONE_BY_ONE = SmtpSettings(tls=Tls.NONE, ehlo="bench.test", pipelining=False)
_PIPELINED = replace(_ONE_BY_ONE, pipelining=True)
_KEPT = replace(_PIPELINED, reuse=timedelta(minutes=1))
_MESSAGE = b"Subject: pipelining\r\n\r\n" + b"An ordinary line of text.\r\n" * 20


@dataclass(frozen=True, slots=True)
class Way:
    """How messages are handed over, and what that has to save beside the way before."""

    name: str
    settings: SmtpSettings
    waiting: bool = False
    """All messages wait from the beginning, so that the commands of one can follow the text of another."""
    saves: float = 0
    """Round trips, each."""


WAYS = (
    Way("one by one", _ONE_BY_ONE),
    Way("pipelined", _PIPELINED, saves=2),  # MAIL, RCPT and DATA go out at once
    Way("kept", _KEPT, saves=2),  # neither EHLO nor QUIT
    Way("text and next", _KEPT, waiting=True, saves=1),  # the text, with the commands of the next
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What handing one message over takes, from its turn to the turn of the next."""

    seconds: float
    turns: float
    """How often the client spoke, and waited for what the server says to it."""


@click.command()
@click.option("--messages", default=15, show_default=True, help="How many to send in each case.")
def main(messages: int) -> None:
    """Send messages in every way over a connection that takes a while, and compare each with the one before."""
    sys.exit(asyncio.run(_measure(messages)))


async def _measure(messages: int) -> int:
    figures = []
    async with MailSystem() as system:
        for latency in LATENCIES:
            async with Relay(system.members["fast"].port, latency_seconds=latency) as relay:
                costs = [await _cost(relay, messages, way) for way in WAYS]
            figures += _figures(latency, costs)
    return conclude("Handing a message over, each way beside the one before", figures)


async def _cost(relay: Relay, messages: int, way: Way) -> Cost:
    sender = SmtpSender(SystemClock())
    try:
        if way.settings.reuse:
            await _send(sender, relay.port, way.settings)  # what opens the connection is not counted
        turns, began = relay.turns, time.monotonic()
        if way.waiting:
            await asyncio.gather(*(_send(sender, relay.port, way.settings) for _ in range(messages)))
        else:
            for _ in range(messages):
                await _send(sender, relay.port, way.settings)
        return Cost((time.monotonic() - began) / messages, (relay.turns - turns) / messages)
    finally:
        await sender.close()


async def _send(sender: SmtpSender, port: int, settings: SmtpSettings) -> None:
    attempt = await sender.send(
        Member("bench", "relay", "127.0.0.1", port),
        Envelope(ADDRESS, ADDRESS, _MESSAGE),
        settings=settings,
        until=datetime.now(UTC) + timedelta(minutes=1),
    )
    if attempt.ending is not Ending.ACCEPTED:
        raise RuntimeError(attempt.reason)


def _figures(latency: float, costs: Sequence[Cost]) -> list[Figure]:
    at = f"{latency * 1000:.0f} ms"
    figures = []
    for way, before, cost in zip(WAYS[1:], costs, costs[1:], strict=False):
        due = way.saves * latency
        figures += [
            Figure(
                f"{at}, {way.name}: round trips",
                f"{cost.turns:.1f}",
                f"{before.turns:.1f}",
                f"{way.saves:.0f} saved",
                met=before.turns - cost.turns >= way.saves * _TOLERANCE,
            ),
            Figure(
                f"{at}, {way.name}: time",
                milliseconds(cost.seconds),
                milliseconds(before.seconds),
                f"{due * 1000:.0f} ms saved" if due else "",
                met=before.seconds - cost.seconds >= due * _TOLERANCE if due else True,
            ),
        ]
    return figures


if __name__ == "__main__":
    main()
