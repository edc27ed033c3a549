"""What PIPELINING saves, by latency; by `python -m bench.pipelining`. Nothing leaves this host."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from bench.relay import Relay
from bench.report import Figure, conclude, quantile
from probe.demo.system import ADDRESS, MailSystem
from probe.model.message import Envelope
from probe.model.reply import Ending
from probe.model.settings import Member, SmtpSettings, Tls
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender

LATENCIES = (0.0, 0.020, 0.100)
"""Seconds there and back."""
SAVED = 2
"""Round trips: MAIL, RCPT and DATA go out at once."""
_TOLERANCE = 0.9
"""The share of the time due that has to be saved: other work of this host costs some of it."""
_MESSAGE = b"Subject: pipelining\r\n\r\n" + b"An ordinary line of text.\r\n" * 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What handing one message over takes: the median of several."""

    seconds: float
    turns: int
    """How often the client spoke, and waited for what the server says to it."""


@click.command()
@click.option("--messages", default=15, show_default=True, help="How many to send in each case.")
def main(messages: int) -> None:
    """Send messages with and without pipelining over a way that takes a while, and compare."""
    sys.exit(asyncio.run(_measure(messages)))


async def _measure(messages: int) -> int:
    figures = []
    async with MailSystem() as system:
        for latency in LATENCIES:
            async with Relay(system.members["fast"].port, latency_seconds=latency) as relay:
                one_by_one = await _cost(relay, messages, pipelining=False)
                pipelined = await _cost(relay, messages, pipelining=True)
            figures += _figures(latency, pipelined, one_by_one)
    return conclude("PIPELINING, beside one command at a time; from the connection to the reply after the dot", figures)


async def _cost(relay: Relay, messages: int, *, pipelining: bool) -> Cost:
    settings = SmtpSettings(tls=Tls.NONE, ehlo="bench.test", pipelining=pipelining)
    sender, turns_before = SmtpSender(SystemClock()), relay.turns
    seconds = [await _seconds(sender, relay.port, settings) for _ in range(messages)]
    return Cost(quantile(seconds, 0.5), (relay.turns - turns_before) // messages)


async def _seconds(sender: SmtpSender, port: int, settings: SmtpSettings) -> float:
    attempt = await sender.send(
        Member("bench", "relay", "127.0.0.1", port),
        Envelope(ADDRESS, ADDRESS, _MESSAGE),
        settings=settings,
        until=datetime.now(UTC) + timedelta(minutes=1),
    )
    if attempt.ending is not Ending.ACCEPTED or attempt.smtp_time is None:
        raise RuntimeError(attempt.reason)
    return attempt.smtp_time.total_seconds()


def _figures(latency: float, pipelined: Cost, one_by_one: Cost) -> list[Figure]:
    name, turns = f"at {latency * 1000:.0f} ms there and back", one_by_one.turns - pipelined.turns
    saved, due = one_by_one.seconds - pipelined.seconds, SAVED * latency
    return [
        Figure(
            f"{name}: round trips", str(pipelined.turns), str(one_by_one.turns), f"{SAVED} saved", met=turns == SAVED
        ),
        Figure(
            f"{name}: time",
            f"{pipelined.seconds * 1000:.1f} ms",
            f"{one_by_one.seconds * 1000:.1f} ms",
            f"{due * 1000:.0f} ms saved" if due else "",
            met=not due or saved >= due * _TOLERANCE,
        ),
    ]


if __name__ == "__main__":
    main()
