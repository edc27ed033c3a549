"""A mailbox full of other people's mail that came while the program was away; by `python -m bench.backlog`, as root.

What is measured is the second start: how long it takes, how soon each probe is known meanwhile, what memory it takes to
read all of it, and whether anything of it was touched.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bench.detection import delays, deliveries
from bench.program import Program, started
from bench.report import Figure, conclude, milliseconds, quantile
from tests.lab import MONITOR
from tests.lab.laboratory import Laboratory

START_GOAL = 10.0
KNOWN_GOAL = 1.0
"""Goals in seconds."""
MEMORY_GOAL = 32 * 1024 * 1024
"""Octets, from a mailbox without foreign mail to the highest while the backlog is read."""
_AWAY = timedelta(seconds=4)
_LONGEST = timedelta(minutes=10)
_PLAIN = 20
_AFTERWARDS = timedelta(seconds=10)


@click.command()
@click.option("--messages", default=100_000, show_default=True, help="How many messages of others to put there.")
def main(messages: int) -> None:
    """Start on an empty mailbox, stop, fill it, start again, and watch until everything was read."""
    with Laboratory() as lab:
        config = lab.write_config(
            # Kept, because a deleted file tells nothing.
            mailboxes={"monitor": {"keep": "1h"}},
            # Dovecot looks through a whole Maildir whenever something is new in it.
            routes={"inbound": {"interval": "5s", "deadline": "30s"}},
        )
        maildir = lab.path / "dovecot/mail/monitor/Maildir"
        with Program(config, listen=f"{lab.hub}:9847") as program:
            time.sleep(_AWAY.total_seconds())
            at_rest = program.resident_bytes
        lab.dovecot.fill(MONITOR, foreign(messages))
        before = flags(maildir)
        began, begun = datetime.now(UTC), time.monotonic()
        with Program(config, listen=f"{lab.hub}:9847") as program:
            ready = time.monotonic() - begun
            read, highest = _watch(program, begun)
            time.sleep(_AFTERWARDS.total_seconds())
            probes = [probe for probe in program.probes(began) if started(probe) < datetime.now(UTC) - _AFTERWARDS / 2]
        after = flags(maildir)
        delivered = deliveries(maildir / "new")
        plain = _plain_noops(lab)
    seen = delays(
        delivered, {probe["id"]: datetime.fromisoformat(probe["seen"]).timestamp() for probe in probes if probe["seen"]}
    )
    touched = sum(after.get(name) != kept for name, kept in before.items())
    figures = [
        *_times(ready, read),
        Figure("probes seen", f"{len(seen)} of {len(probes)}", goal="all", met=0 < len(seen) == len(probes)),
        *_known(seen, plain),
        _memory(highest, at_rest),
        Figure("foreign messages touched", str(touched), goal="none", met=not touched),
    ]
    sys.exit(conclude(f"{messages:,} messages of others that came while the program was away", figures))


def foreign(count: int) -> Iterator[bytes]:
    """Write messages as people do, of some hundred octets each."""
    head = b"From: friend@other.test\r\nTo: monitor@lab.test\r\nMessage-ID: <%d@other.test>\r\nSubject: lunch\r\n"
    return (head % number + b"\r\n" + b"How about noon?\r\n" * 20 for number in range(count))


def flags(maildir: Path) -> dict[str, str]:
    """Return the flags of the messages that were there before, as a Maildir keeps them: in the names of the files."""
    names = (path.name.partition(":2,") for path in (*(maildir / "new").iterdir(), *(maildir / "cur").iterdir()))
    return {name: flags for name, _, flags in names if name.endswith(".filled")}


def _times(ready: float, read: float) -> list[Figure]:
    return [
        Figure("ready after", f"{ready:.1f} s", goal=f"< {START_GOAL:.0f} s", met=ready < START_GOAL),
        Figure("all read after", f"{read:.1f} s", goal="at all", met=read < _LONGEST.total_seconds()),
    ]


def _known(seen: Sequence[float], plain: Sequence[float]) -> list[Figure]:
    longest = quantile(seen, 1)
    beside = {share: f"{milliseconds(quantile(plain, share))} by plain NOOP" for share in (0.5, 1)}
    return [
        Figure("known, median", milliseconds(quantile(seen, 0.5)), beside[0.5]),
        Figure("known, p99", milliseconds(quantile(seen, 0.99))),
        Figure("known, longest", milliseconds(longest), beside[1], f"< {KNOWN_GOAL:.0f} s", longest < KNOWN_GOAL),
    ]


def _plain_noops(lab: Laboratory) -> list[float]:
    """Return how long Dovecot takes to answer the first NOOP after each of some deliveries, with nobody else there."""
    took = []
    with lab.imap() as client:
        client.select_folder("INBOX", readonly=True)
        for _ in range(_PLAIN):
            lab.deliver(MONITOR, next(foreign(1)))
            began = time.monotonic()
            client.noop()
            took.append(time.monotonic() - began)
    return took


def _memory(highest: int, at_rest: int) -> Figure:
    growth = highest - at_rest
    value, reference = f"{growth / 2**20:.1f} MiB", f"{at_rest / 2**20:.1f} MiB at rest"
    return Figure("memory on top", value, reference, f"< {MEMORY_GOAL / 2**20:.0f} MiB", growth < MEMORY_GOAL)


def _watch(program: Program, begun: float) -> tuple[float, int]:
    """Return after how many seconds everything was read, and how much memory was held at most meanwhile."""
    highest = 0
    while (passed := time.monotonic() - begun) < _LONGEST.total_seconds():
        highest = max(highest, program.resident_bytes)
        values = {sample.name: sample.value for sample in program.samples() if "mailbox" in sample.name}
        if values.get("mailflow_mailbox_up") and not values["mailflow_mailbox_backlog_messages"]:
            break
        time.sleep(0.5)
    return passed, highest


if __name__ == "__main__":
    main()
