"""The one writer: what several callers want written is committed in one group."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from probe.ledger.books import Counts, post
from probe.ledger.engine import Database, DatabaseDown
from probe.ports import LedgerTrouble

LARGEST_GROUP = 500
"""How many calls at most are committed at once; the others wait for their turn."""

T = TypeVar("T")
Work = Callable[[Connection, Counts], T]
"""What is done in the transaction of a group; what it counts is posted with it."""


@dataclass(frozen=True, slots=True)
class _Call:
    work: Work[Any]
    done: "asyncio.Future[Any]"


class Writer:
    """Do the writing of all callers, in order.

    While nothing is being written a call is committed at once; what comes in meanwhile makes the next group.
    A piece of work that cannot be done fails alone. An error of the database fails its group, and the next
    group tries afresh.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._calls: asyncio.Queue[_Call | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(), name="ledger writer")
        self._closed = False

    async def write(self, work: Work[T]) -> T:
        """Do a piece of work; it is committed when this returns. Raises LedgerTrouble.

        A caller that is cancelled before its turn has nothing written; later, all of it.
        """
        if self._closed:
            raise LedgerTrouble("the ledger is closed")
        call = _Call(work, asyncio.get_running_loop().create_future())
        self._calls.put_nowait(call)
        result: T = await call.done
        return result

    async def close(self) -> None:
        """Finish what callers wait for, and take nothing more."""
        if not self._closed:
            self._closed = True
            self._calls.put_nowait(None)
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        while (call := await self._calls.get()) is not None:
            group = [call]
            while len(group) < LARGEST_GROUP and not self._calls.empty():
                if (call := self._calls.get_nowait()) is None:
                    self._calls.put_nowait(None)
                    break
                group.append(call)
            if wanted := [call for call in group if not call.done.cancelled()]:
                await self._commit(wanted)

    async def _commit(self, group: Sequence[_Call]) -> None:
        try:
            results = await self._database.write(lambda connection: _do(connection, group))
        except Exception as exc:
            await self._fail(group, exc)
        else:
            for call, result in zip(group, results, strict=True):
                if not call.done.cancelled():
                    call.done.set_result(result)

    async def _fail(self, group: Sequence[_Call], error: Exception) -> None:
        if len(group) > 1 and not isinstance(error, DatabaseDown):
            for call in group:
                await self._commit([call])
            return
        for call in group:
            if not call.done.cancelled():
                call.done.set_exception(error)


def _do(connection: Connection, group: Sequence[_Call]) -> Sequence[Any]:
    counts = Counts()
    results = [call.work(connection, counts) for call in group]
    post(connection, counts)
    return results
