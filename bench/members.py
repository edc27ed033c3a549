"""What 1,000 members cost one process, and what 200 frozen ones do to the others; by `python -m bench.members`.

The mail system runs in a process of its own, whose time does not count. The program is looked at from outside.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import yaml
from prometheus_client.samples import Sample

from bench.program import Probe, Program, started
from bench.report import Figure, conclude, milliseconds, quantile, ratio
from bench.round_trip import cpu_seconds_per_message
from bench.sink import Sink
from probe.demo.system import ADDRESS, PASSWORD_FILE
from probe.model.outcome import Outcome

CPU_GOAL = 0.25
"""Of one core."""
MEMORY_GOAL = 200
"""In MB of 1,000,000 bytes."""
LIKE_BEFORE = 1.25
"""How many times what it was a median may be, and still count as unchanged."""
NOISE = 0.002
"""Seconds by which it may differ in any case: half a timer tick, that a busy machine adds or takes away."""

LISTEN = "127.0.0.1:19847"
_FROZEN_SHARE = 5
"""One of so many members is frozen."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured, and for how long."""

    members: int = 1000
    interval: timedelta = timedelta(seconds=60)
    window: timedelta = timedelta(seconds=120)
    scrape: timedelta = timedelta(seconds=15)


QUICK = Scale(250, interval=timedelta(seconds=15), window=timedelta(seconds=30))
"""As many probes a second, for less long."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen of the program from one moment to another."""

    began: datetime
    ended: datetime
    cpu: float
    """Of one core."""
    most_resident_bytes: int


@dataclass(frozen=True, slots=True)
class Books:
    """All probes that the ledger holds, and what /metrics said right before and right after they were read."""

    before: Sequence[Sample]
    probes: Sequence[Probe]
    after: Sequence[Sample]


@click.command()
@click.option("--quick", is_flag=True, help="250 members at 15 s, and windows of 30 s.")
def main(quick: bool) -> None:
    """Measure with all members healthy, freeze some, and measure again."""
    scale = QUICK if quick else Scale()
    with Sink(scale.members) as sink, tempfile.TemporaryDirectory(prefix="mailflow-bench-") as home:
        reference = cpu_seconds_per_message(list(sink.members.values())[:200], imap_port=sink.imap_port)
        frozen = list(sink.members)[::_FROZEN_SHARE]
        with Program(write_config(Path(home), sink, scale), listen=LISTEN) as program:
            _let_pass(scale.interval, "warming up")
            healthy = observe(program, scale, "all members healthy")
            sink.freeze(frozen)
            _let_pass(scale.interval, f"{len(frozen)} members frozen")
            mixed = observe(program, scale, f"{len(frozen)} members frozen")
            books = Books(program.samples(), program.probes(), program.samples())
    title = f"{scale.members} members at {scale.interval.total_seconds():.0f} s"
    figures = _costs(scale, healthy, mixed, books, reference) + _others(frozen, healthy, mixed, books)
    sys.exit(conclude(title, [*figures, _balance(books)]))


def observe(program: Program, scale: Scale, what: str) -> Window:
    """Look on for the length of a window, scraping meanwhile as Prometheus does."""
    print(f"{what}: measuring for {scale.window.total_seconds():.0f} s", file=sys.stderr)
    began, spent, most = datetime.now(UTC), program.cpu_seconds, 0
    next_scrape = began
    while (now := datetime.now(UTC)) < began + scale.window:
        if now >= next_scrape:
            program.scrape()
            next_scrape += scale.scrape
        most = max(most, program.resident_bytes)
        time.sleep(0.5)
    cpu = (program.cpu_seconds - spent) / (now - began).total_seconds()
    return Window(began, now, cpu, most)


def _let_pass(duration: timedelta, what: str) -> None:
    print(f"{what}: waiting for {duration.total_seconds():.0f} s", file=sys.stderr)
    time.sleep(duration.total_seconds())


def _costs(scale: Scale, healthy: Window, mixed: Window, books: Books, reference: float) -> list[Figure]:
    probes = len(_within(healthy, books.probes))
    seconds = (healthy.ended - healthy.began).total_seconds()
    each = healthy.cpu * seconds / probes
    windows = {"healthy": healthy, "some frozen": mixed}
    return [
        _alike("probes in time", probes, scale.members * seconds / scale.interval.total_seconds()),
        *(_cpu(name, window) for name, window in windows.items()),
        *(_memory(name, window) for name, window in windows.items()),
        Figure("CPU of one probe", milliseconds(each), f"{milliseconds(reference)} ({ratio(each, reference)})"),
    ]


def _cpu(name: str, window: Window) -> Figure:
    return Figure(f"CPU, {name}", f"{window.cpu:.1%}", "of one core", f"< {CPU_GOAL:.0%}", window.cpu < CPU_GOAL)


def _memory(name: str, window: Window) -> Figure:
    megabytes = window.most_resident_bytes / 1_000_000
    return Figure(f"memory, {name}", f"{megabytes:.0f} MB", "", f"< {MEMORY_GOAL} MB", megabytes < MEMORY_GOAL)


def _others(frozen: Collection[str], healthy: Window, mixed: Window, books: Books) -> list[Figure]:
    """Compare the members that were never frozen with themselves."""
    probes = [probe for probe in books.probes if probe["member"] not in frozen]
    before, after = _within(healthy, probes), _within(mixed, probes)
    failed = sum(probe["outcome"] != Outcome.DELIVERED for probe in [*before, *after])
    skipped = sum(
        sample.value
        for sample in books.after
        if sample.name == "mailflow_probes_skipped_total" and sample.labels["member"] not in frozen
    )
    return [
        _alike("others: probes", len(after), len(before)),
        Figure("others: not delivered", f"{failed}", goal="0", met=not failed),
        Figure("others: turns skipped", f"{skipped:.0f}", goal="0", met=not skipped),
        Figure("others: in flight, mean", f"{_in_flight(mixed, after):.2f}", f"{_in_flight(healthy, before):.2f}"),
        *(
            _compared(f"others: {name}, {word}", before, after, figure=f"{name}_seconds", share=share)
            for name in ("smtp", "delivery")
            for word, share in (("median", 0.5), ("p99", 0.99))
        ),
    ]


def _alike(name: str, count: int, reference: float) -> Figure:
    # One in a hundred: a turn on the edge of a window falls to one side of it or the other.
    return Figure(name, f"{count}", f"{reference:.0f}", "within 2 %", abs(count - reference) <= reference / 50)


def _in_flight(window: Window, probes: Sequence[Probe]) -> float:
    """Return how many of these were in flight on average: by Little's law, rate times duration."""
    lives = [datetime.fromisoformat(probe["finished"]) - started(probe) for probe in probes if probe["finished"]]
    return sum(lives, timedelta()) / (window.ended - window.began)


def _compared(name: str, before: Sequence[Probe], after: Sequence[Probe], *, figure: str, share: float) -> Figure:
    value, reference = (
        quantile([probe[figure] for probe in probes if probe[figure] is not None], share) for probes in (after, before)
    )
    beside = f"{milliseconds(reference)} ({ratio(value, reference)})"
    if share != 0.5:  # a p99 of so few is for information only
        return Figure(name, milliseconds(value), beside)
    met = value <= max(LIKE_BEFORE * reference, reference + NOISE)
    return Figure(name, milliseconds(value), beside, f"<= {LIKE_BEFORE} x or + {NOISE * 1000:.0f} ms", met)


def _balance(books: Books) -> Figure:
    """Hold the ledger against /metrics: what it lists must lie between what was counted before and after."""
    low, high = _counted(books.before), _counted(books.after)
    listed = Counter(probe["outcome"] for probe in books.probes if probe["outcome"])
    listed[_STARTED] = len(books.probes)
    met = all(low[what] <= listed[what] <= high[what] for what in {*listed, *low, *high})
    return Figure("books: probes listed", f"{listed[_STARTED]}", f"{low[_STARTED]} .. {high[_STARTED]}", "balance", met)


_STARTED = "started"


def _counted(samples: Sequence[Sample]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for sample in samples:
        if sample.name == "mailflow_probes_started_total":
            counted[_STARTED] += int(sample.value)
        if sample.name == "mailflow_probe_outcomes_total":
            counted[sample.labels["outcome"]] += int(sample.value)
    return counted


def _within(window: Window, probes: Sequence[Probe]) -> list[Probe]:
    return [probe for probe in probes if window.began <= started(probe) < window.ended]


def write_config(home: Path, sink: Sink, scale: Scale, **more: Any) -> Path:
    """Write the config of a program that probes all of them, with more sections if there are any; return where."""
    interval = f"{scale.interval.total_seconds():.0f}s"
    imap = {"host": "127.0.0.1", "port": sink.imap_port, "tls": "none", "username": ADDRESS}
    config = {
        "instance": "bench",
        "state": f"sqlite:///{home}/mailflow.db",
        "web": {"listen": LISTEN},
        "mailboxes": {"monitor": {"address": ADDRESS, "imap": imap | {"password": {"file": str(PASSWORD_FILE)}}}},
        "pools": {"many": {"members": {name: f"127.0.0.1:{port}" for name, port in sink.members.items()}}},
        "routes": {"inbound": {"pool": "many", "mailbox": "monitor", "from": ADDRESS, "interval": interval}},
    }
    path = home / "config.yaml"
    path.write_text(yaml.safe_dump(config | more))
    return path


if __name__ == "__main__":
    main()
