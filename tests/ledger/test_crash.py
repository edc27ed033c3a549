"""The books balance whatever kills the process, and several processes share them."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from probe.ledger import open_ledger
from probe.ports import Tally
from tests.ledger.examples import run

ROOT = Path(__file__).parents[2]
SLOTS = 300


def _start(url: str, name: str, slots: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.ledger.busy_process", url, name, str(slots)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def _balance(url: str) -> tuple[int, int, int]:
    """Return how many probes were started, ended and are in flight."""
    async with open_ledger(url, instance="probe-a") as ledger:
        assert await ledger.imbalances() == []
        totals = await ledger.totals()
        started = sum(total.count for total in totals if total.tally is Tally.STARTED)
        ended = sum(total.count for total in totals if total.tally is Tally.OUTCOME)
        return started, ended, len(await ledger.outstanding())


def test_the_books_balance_after_ten_kills_in_the_midst_of_writing(url: str) -> None:
    before = 0
    for life in range(5):
        # given two that write to the same ledger and are killed together
        processes = [_start(url, f"life{life}-{name}") for name in ("one", "other")]
        _let_write(processes, seconds=0.05 + life * 0.02)
        _kill(processes)
        started, ended, in_flight = run(_balance(url))
        assert started == ended + in_flight
        assert started > before
        before = started
    assert ended > 0
    assert in_flight > 0


def test_two_processes_share_the_turns_and_each_is_claimed_once(url: str) -> None:
    processes = [_start(url, name, SLOTS) for name in ("one", "other")]
    claimed = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(claimed) == SLOTS
    assert run(_balance(url)) == (SLOTS, 0, SLOTS)


def _let_write(processes: "Sequence[subprocess.Popen[str]]", *, seconds: float) -> None:
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
    time.sleep(seconds)  # nobody can say when: to be killed at any moment is what is tested


def _kill(processes: "Sequence[subprocess.Popen[str]]") -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.communicate()
