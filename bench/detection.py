"""How soon the program knows of a message that Dovecot has delivered; by `python -m bench.detection`, as root.

The clock to compare with is the kernel's: the moment the message's file was renamed into the Maildir's `new`. It has
the grain of a timer tick and is never late, so that the program is never flattered by it.
"""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bench.plain_idle import PlainIdle
from bench.program import Program, started
from bench.report import Figure, conclude, milliseconds, quantile, ratio
from tests.lab.laboratory import Laboratory

MEDIAN_GOAL = 0.030
P99_GOAL = 0.150
SAMPLES_GOAL = 200
"""Goals in seconds, and in messages; the last holds for a full run only."""

_SETTLING = timedelta(seconds=4)
_ID = re.compile(r"^Message-ID: <([^@>]+)@", re.IGNORECASE | re.MULTILINE)


@click.command()
@click.option("--seconds", default=65, show_default=True, help="How long to measure.")
@click.option("--quick", is_flag=True, help="Measure for 15 s.")
def main(seconds: int, quick: bool) -> None:
    """Probe four Postfix members each second, and compare what was seen when with what was delivered when."""
    with Laboratory() as lab:
        config = lab.write_config(
            # Kept, because a deleted file tells nothing.
            mailboxes={"monitor": {"keep": "1h"}},
            routes={"inbound": {"interval": "1s", "deadline": "10s"}},
        )
        with PlainIdle(lab.imap()) as idle, Program(config, listen=f"{lab.hub}:9847") as program:
            time.sleep(_SETTLING.total_seconds())
            began = datetime.now(UTC)
            time.sleep(15 if quick else seconds)
            ended = datetime.now(UTC)
            time.sleep(_SETTLING.total_seconds())
            probes = [probe for probe in program.probes(began) if started(probe) < ended]
        delivered = deliveries(lab.path / "dovecot/mail/monitor/Maildir/new")
    seen = delays(delivered, {probe["id"]: _since_1970(probe["seen"]) for probe in probes if probe["seen"]})
    settled = delays(delivered, {probe["id"]: _since_1970(probe["finished"]) for probe in probes if probe["finished"]})
    told = delays(delivered, {probe["id"]: idle.heard[probe["id"]] for probe in probes if probe["id"] in idle.heard})
    if not seen or not told:
        sys.exit("nothing was measured: no probe was delivered, or the reference heard of none")
    sys.exit(conclude("Dovecot's delivery to known", _figures(len(probes), seen, settled, told, full=not quick)))


def deliveries(new: Path) -> dict[str, float]:
    """Return when the messages in a Maildir's `new` were put there, in seconds since 1970 by the id of the probe."""
    found = {path: _ID.search(path.read_text(errors="replace")) for path in new.iterdir()}
    return {match[1]: path.stat().st_ctime_ns / 1e9 for path, match in found.items() if match}


def delays(delivered: Mapping[str, float], known: Mapping[str, float]) -> list[float]:
    """Return how many seconds after its delivery each message was known."""
    return [known[probe_id] - delivered[probe_id] for probe_id in known if probe_id in delivered]


def _figures(
    sent: int, seen: Sequence[float], settled: Sequence[float], told: Sequence[float], *, full: bool
) -> list[Figure]:
    enough = len(seen) == sent and (not full or sent >= SAMPLES_GOAL)
    wanted = f"all, >= {SAMPLES_GOAL}" if full else "all"
    return [
        Figure("messages", f"{len(seen)} of {sent}", f"{len(told)} by plain IDLE", wanted, enough),
        _compared("known, median", seen, told, share=0.5, goal=MEDIAN_GOAL),
        _compared("known, p90", seen, told, share=0.9),
        _compared("known, p99", seen, told, share=0.99, goal=P99_GOAL),
        _compared("known, longest", seen, told, share=1),
        _compared("settled, median", settled, told, share=0.5),
        _compared("settled, p99", settled, told, share=0.99),
    ]


def _compared(
    name: str, measured: Sequence[float], told: Sequence[float], *, share: float, goal: float | None = None
) -> Figure:
    value, reference = quantile(measured, share), quantile(told, share)
    beside = f"{milliseconds(reference)} ({ratio(value, reference)})"
    if goal is None:
        return Figure(name, milliseconds(value), beside)
    return Figure(name, milliseconds(value), beside, f"< {goal * 1000:.0f} ms", value < goal)


def _since_1970(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


if __name__ == "__main__":
    main()
