"""What the sender takes for a message, beside Postfix's own smtp-source; by `python -m bench.smtp`, as root.

Both open a connection for each message, to the same smtp-sink, whose time does not count.
"""

import asyncio
import resource
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import click
import uvloop

from bench.report import Figure, conclude, ratio
from probe.model.message import compose
from probe.model.outcome import Outcome
from probe.model.probe import Probe
from probe.model.reply import Ending
from probe.model.settings import Member, Route, SmtpSettings, TagKey, Tls
from probe.model.tag import ID_BYTES, probe_id
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender

GOAL = 3.0
"""Seconds of processor time for 1,000 messages: 10,000 members a minute then take half a core."""
CONCURRENCIES = (1, 20, 200)

_ROUTE = Route(
    "bench",
    pool="sink",
    mailbox="sink",
    sender="probe@bench.test",
    recipient="sink@bench.test",
    bounces="sink",
    interval=timedelta(minutes=1),
    deadline=timedelta(minutes=5),
)
_KEY = TagKey("bench", secrets.token_bytes(32))


@dataclass(frozen=True, slots=True)
class Cost:
    """What some messages took."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Return messages per second."""
        return self.messages / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """Return the seconds of processor time for 1,000 messages."""
        return 1000 * self.cpu_seconds / self.messages


@click.command()
@click.option("--messages", default=5000, show_default=True, help="How many at each concurrency.")
@click.option("--quick", is_flag=True, help="Send 500 at each concurrency.")
def main(messages: int, quick: bool) -> None:
    """Send to a smtp-sink, one at a time and many at once."""
    messages = 500 if quick else messages
    figures: list[Figure] = []
    with _sink() as port:
        for concurrency in CONCURRENCIES:
            reference = _measure(messages, resource.RUSAGE_CHILDREN, partial(_source, port, messages, concurrency))
            ours = _measure(messages, resource.RUSAGE_SELF, partial(_send_all, port, messages, concurrency))
            figures += _figures(concurrency, ours, reference)
    sys.exit(conclude(f"{messages} messages to smtp-sink, a connection each; the reference is smtp-source", figures))


def _figures(concurrency: int, ours: Cost, reference: Cost) -> list[Figure]:
    rates = f"{reference.rate:.0f} ({ratio(ours.rate, reference.rate)})"
    cpu, least = ours.cpu_per_thousand, reference.cpu_per_thousand
    return [
        Figure(f"{concurrency} at once: messages/s", f"{ours.rate:.0f}", rates),
        Figure(
            f"{concurrency} at once: CPU per 1,000",
            f"{cpu:.2f} s",
            f"{least:.2f} s ({ratio(cpu, least)})",
            goal=f"< {GOAL} s",
            met=cpu < GOAL,
        ),
    ]


def _measure(messages: int, whose: int, send: Callable[[], None]) -> Cost:
    began, spent = time.monotonic(), _cpu_seconds(whose)
    send()
    return Cost(messages, time.monotonic() - began, _cpu_seconds(whose) - spent)


def _cpu_seconds(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def _source(port: int, messages: int, concurrency: int) -> None:
    size = len(compose(_ROUTE, _probe(0), _KEY).message)
    command = ["smtp-source", "-s", concurrency, "-m", messages, "-l", size, f"127.0.0.1:{port}"]
    subprocess.run([str(word) for word in command], check=True)


def _send_all(port: int, messages: int, concurrency: int) -> None:
    uvloop.run(_send(port, messages, concurrency))


async def _send(port: int, messages: int, concurrency: int) -> None:
    sender, turns = SmtpSender(SystemClock()), iter(range(messages))
    member = Member("sink", "sink", "127.0.0.1", port)

    async def send_some() -> None:
        for number in turns:
            probe = _probe(number)
            envelope = compose(_ROUTE, probe, _KEY)
            attempt = await sender.send(member, envelope, settings=SmtpSettings(Tls.NONE), until=probe.deadline)
            if attempt.ending is not Ending.ACCEPTED:
                raise RuntimeError(f"the sink did not take a message: {attempt.reason}")

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(send_some())


def _probe(number: int) -> Probe:
    now = datetime.now(UTC)
    return Probe(
        id=probe_id(secrets.token_bytes(ID_BYTES)),
        instance="bench",
        pool="sink",
        member="sink",
        route="bench",
        mailbox="sink",
        bounces="sink",
        slot=number,
        endpoint="127.0.0.1",
        expected=Outcome.DELIVERED,
        started=now,
        deadline=now + _ROUTE.deadline,
        late_until=now + _ROUTE.late_until,
    )


@contextmanager
def _sink() -> Iterator[int]:
    """Run a smtp-sink and yield its port; as root it wants to be told whose rights to take."""
    port = _free_port()
    with subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "1024"]) as sink:
        try:
            _await_greeting(port)
            yield port
        finally:
            sink.terminate()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as trial:
        return int(trial.getsockname()[1])


def _await_greeting(port: int) -> None:
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
                client.recv(1)
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("smtp-sink did not start")


if __name__ == "__main__":
    main()
