"""A process that writes to a ledger until it is killed, or has claimed what it was asked for: see test_crash.py."""

import asyncio
import sys
from itertools import count

from probe.ledger import SqlLedger, open_ledger
from tests.ledger.examples import NOON, a_place, a_probe, a_sighting, an_attempt, judged


async def main(url: str, name: str, slots: int) -> None:
    async with open_ledger(url, instance="probe-a") as ledger:
        if slots:
            _say(str(await _claim(ledger, name, slots)))
            return
        _say("writing")
        workers = [_live(ledger, name, worker) for worker in range(8)]
        await asyncio.gather(*workers)


async def _claim(ledger: SqlLedger, name: str, slots: int) -> int:
    """Try to claim every slot; return how many were had."""
    claims = [ledger.claim(a_probe(f"{name}-{slot}", slot=slot)) for slot in range(slots)]
    return sum(await asyncio.gather(*claims))


async def _live(ledger: SqlLedger, name: str, worker: int) -> None:
    """Lead probes from claim to outcome; every third is left open."""
    for number in count():
        probe_id = f"{name}-{worker}-{number}"
        await ledger.claim(a_probe(probe_id, slot=number, route=f"{name}-{worker}"))
        await ledger.record_attempt(probe_id, an_attempt(), next_attempt=None)
        await ledger.sight(a_sighting(probe_id, a_place(probe_id)), rescan=False)
        if number % 3:
            await ledger.close(probe_id, judged(), at=NOON)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
