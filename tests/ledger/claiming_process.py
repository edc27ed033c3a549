"""A process that tries to claim every turn of a member, and tells how many it had: see test_crash.py."""

import asyncio
import sys

from probe.ledger import open_ledger
from tests.ledger.examples import a_probe


async def main(url: str, name: str, turns: int) -> None:
    """Claim all at once."""
    async with open_ledger(url, instance="probe-a") as ledger:
        claims = await asyncio.gather(*(ledger.claim(a_probe(f"{name}-{slot}", slot=slot)) for slot in range(turns)))
    sys.stdout.write(f"{sum(claims)}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
