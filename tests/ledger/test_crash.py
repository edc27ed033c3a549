"""The books balance whatever kills the process, and several processes share them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probe.ledger import open_ledger
from probe.ports import Tally
from tests.ledger.examples import run

ROOT = Path(__file__).parents[2]
TURNS = 300


def test_the_books_balance_after_ten_kills_in_the_midst_of_writing(url: str) -> None:
    before = 0
    with _busy_process(url) as process:
        for life in range(10):
            # given two that write to the same ledger and are killed together
            _tell(process, f"one-{life}\nother-{life}\n", answers=["writing", "writing"])
            time.sleep(0.02 + life * 0.02)  # nobody can say when: to be killed at any moment is what is tested
            _tell(process, "\n", answers=["killed"])
            started, ended, in_flight = run(_balance(url))
            assert started == ended + in_flight
            assert started > before
            before = started
    assert ended > 0
    assert in_flight > 0


def test_two_processes_share_the_turns_and_each_is_claimed_once(url: str) -> None:
    processes = [_start("claiming_process", url, name, str(TURNS)) for name in ("one", "other")]
    claimed = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(claimed) == TURNS
    assert run(_balance(url)) == (TURNS, 0, TURNS)


async def _balance(url: str) -> tuple[int, int, int]:
    """Return how many probes were started, ended and are in flight."""
    async with open_ledger(url, instance="probe-a") as ledger:
        assert await ledger.imbalances() == []
        totals = await ledger.totals()
        started = sum(total.count for total in totals if total.tally is Tally.STARTED)
        ended = sum(total.count for total in totals if total.tally is Tally.OUTCOME)
        return started, ended, len(await ledger.outstanding())


@contextmanager
def _busy_process(url: str) -> Iterator["subprocess.Popen[str]"]:
    with _start("busy_process", url) as process:
        yield process
        process.communicate()


def _start(module: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"tests.ledger.{module}", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _tell(process: "subprocess.Popen[str]", line: str, *, answers: list[str]) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(line)
    process.stdin.flush()
    assert [process.stdout.readline().strip() for _ in answers] == answers
