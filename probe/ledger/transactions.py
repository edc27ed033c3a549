"""Whole transactions, asked for from the event loop: in threads, or by a driver that is asynchronous itself."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")


class Transactions(Protocol):
    """Some connections to a database, and the transactions on them."""

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work in a transaction of its own; it is committed when this returns."""

    async def dispose(self) -> None:
        """Finish what goes on, and close the connections."""


class InThreads:
    """A thread for each connection of a blocking driver; the event loop waits for nothing but the end.

    An asynchronous driver for SQLite goes to its thread and back for every call, a dozen and more in each
    transaction: that took more than half of the event loop's time (docs/measurements.md).
    """

    def __init__(self, engine: Engine, *, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ledger")

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work; it is finished in its thread even when nobody waits for it any more."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transaction, work)

    async def dispose(self) -> None:
        """Finish what goes on, and close the connections."""
        await asyncio.to_thread(self._end)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def _end(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()


class OnTheLoop:
    """The connections of an asynchronous driver."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work; whoever cancels it in the middle breaks its connection."""
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def dispose(self) -> None:
        """Close the connections."""
        await self._engine.dispose()
