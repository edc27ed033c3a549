"""A process that forks writers to a ledger and kills them, as it is told line by line: see test_crash.py."""

import asyncio
import os
import signal
import sys
from itertools import count

from probe.ledger import SqlLedger, open_ledger
from tests.ledger.examples import NOON, a_place, a_probe, a_sighting, an_attempt, judged


def main(url: str) -> None:
    """Fork a writer for each name that is read, and kill all of them on an empty line, and at the end."""
    writers: list[int] = []
    for name in map(str.strip, sys.stdin):
        if name:
            writers.append(_fork(url, name))
        else:
            _kill(writers)
            _say("killed")
    _kill(writers)


def _fork(url: str, name: str) -> int:
    if pid := os.fork():
        return pid
    asyncio.run(_write(url, name))
    os._exit(1)


async def _write(url: str, name: str) -> None:
    async with open_ledger(url, instance="probe-a") as ledger:
        await asyncio.gather(*(_lead(ledger, f"{name}-first", number) for number in range(2)))
        _say("writing")
        await asyncio.gather(*(_live(ledger, f"{name}-{worker}") for worker in range(8)))


async def _live(ledger: SqlLedger, route: str) -> None:
    for number in count():
        await _lead(ledger, route, number)


async def _lead(ledger: SqlLedger, route: str, number: int) -> None:
    """Lead a probe from claim to outcome; every third is left open."""
    probe_id = f"{route}-{number}"
    await ledger.claim(a_probe(probe_id, slot=number, route=route))
    await ledger.record_attempt(probe_id, an_attempt(), next_attempt=None)
    await ledger.sight(a_sighting(probe_id, a_place(probe_id)), rescan=False)
    if number % 3:
        await ledger.close(probe_id, judged(), at=NOON)


def _kill(writers: list[int]) -> None:
    for writer in writers:
        os.kill(writer, signal.SIGKILL)
    while writers:
        os.waitpid(writers.pop(), 0)


def _say(line: str) -> None:
    # In one write: two writers speak at once.
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
