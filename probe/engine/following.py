"""Following the ledger: what other processes that share it began, and what they closed, is known here as well."""

from datetime import timedelta

from probe.engine.flight import Flight
from probe.engine.settling import Settler
from probe.engine.timekeeping import Comparison
from probe.ports import Clock, Ledger

EVERY = timedelta(seconds=1)
"""How often the ledger is looked into."""


class Following:
    """Put what others began into the flight, and hear of what they closed.

    So evidence is the same wherever it came from, and what one left behind that ended is taken over by the next.
    """

    def __init__(self, ledger: Ledger, flight: Flight, settler: Settler, *, clock: Clock) -> None:
        self._ledger = ledger
        self._flight = flight
        self._settler = settler
        self._clock = clock
        self._closing = 0
        self._comparison = Comparison()

    def begin_after(self, closing: int) -> None:
        """Take all for known that was closed up to there."""
        self._closing = closing

    async def run(self) -> None:
        """Look into the ledger, again and again. Raises LedgerTrouble."""
        while True:
            await self._clock.sleep(EVERY.total_seconds())
            await self.look()

    async def look(self) -> None:
        """Look into the ledger now. Raises LedgerTrouble."""
        asked = self._clock.now()
        moved = await self._ledger.movements(since=self._closing)
        if moved.at:
            self._comparison.compare(moved.at, asked, self._clock.now())
        closed = [each for each in moved.closed if not self._flight.is_over(each)]
        begun = [each for each in moved.open if not self._flight.get(each)]
        for record in await self._ledger.records([*closed, *begun]) if closed or begun else ():
            if record.judgement:
                self._settler.hear(record)
            elif not self._flight.get(record.probe.id):
                self._flight.put(record)
        self._closing = moved.closing
