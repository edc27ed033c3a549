"""Whether the ledger works: told once when it begins to fail, and once when it works again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from probe.engine.happenings import LedgerFailed, LedgerWorks, Reporter
from probe.ports import Clock, LedgerTrouble

T = TypeVar("T")

PATIENCE = timedelta(seconds=1)
"""How long to wait before the ledger is tried again."""


class LedgerState:
    """Remember whether the last call of the ledger failed, whoever made it."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._fails = False

    def failed(self, trouble: LedgerTrouble) -> None:
        """Take note that a call failed."""
        if not self._fails:
            self._fails = True
            self._report(LedgerFailed(str(trouble)))

    def works(self) -> None:
        """Take note that a call succeeded."""
        if self._fails:
            self._fails = False
            self._report(LedgerWorks())


async def written(write: Callable[[], Awaitable[T]], ledger_state: LedgerState, *, clock: Clock) -> T:
    """Write what has happened, however long the ledger takes to come back."""
    while True:
        try:
            result = await write()
        except LedgerTrouble as trouble:
            ledger_state.failed(trouble)
            await clock.sleep(PATIENCE.total_seconds())
        else:
            ledger_state.works()
            return result
