"""Opening a ledger: the database is made or brought forward, and the books are looked at, before anything is sent."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probe.ledger.engine import connect_to
from probe.ledger.ledger import SqlLedger
from probe.ledger.migrations import prepare
from probe.net.clock import SystemClock
from probe.ports import Clock

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_ledger(url: str, *, instance: str, clock: Clock | None = None) -> AsyncIterator[SqlLedger]:
    """Open the ledger that a ``state`` URL names, and close its books at the end. Raises LedgerTrouble."""
    database = connect_to(url)
    try:
        await database.write(prepare)
        ledger = SqlLedger(database, instance=instance, clock=clock or SystemClock())
    except BaseException:
        await database.dispose()
        raise
    try:
        for off in await ledger.imbalances():
            log.error("the books do not balance", extra={"where": off, "ledger": database.name})
        yield ledger
    finally:
        await ledger.close_books()
