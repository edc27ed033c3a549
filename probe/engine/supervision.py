"""Supervision: everything that goes on at the same time has one owner, and no fault in one part ends another."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from probe.engine.ledger_state import LedgerState
from probe.ports import Clock, LedgerTrouble

log = logging.getLogger(__name__)

RESTART_AFTER = timedelta(seconds=1)

Loop = Callable[[], Awaitable[None]]


class Supervisor:
    """Own all tasks of the engine, as long as they may last."""

    def __init__(self, ledger_state: LedgerState, *, clock: Clock) -> None:
        self._ledger_state = ledger_state
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def supervising(self) -> AsyncIterator[None]:
        """Let tasks run meanwhile; what still goes on at the end is cancelled."""
        async with asyncio.TaskGroup() as self._group:
            try:
                yield
            finally:
                for task in self._tasks:
                    task.cancel()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run to the end; a fault is told, and ends nothing else."""
        assert self._group is not None
        task = self._group.create_task(self._contained(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Cancelled before its first step, it has not begun what it was to run.
        task.add_done_callback(lambda _: coroutine.close())

    def keep(self, loop: Loop) -> None:
        """Run a loop; when it breaks, say so and begin it again: one fault must not end the watch."""
        self.spawn(self._kept(loop))

    async def _contained(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await coroutine
        except LedgerTrouble as trouble:
            self._ledger_state.failed(trouble)
        except Exception:
            log.exception("a task of the probe broke")

    async def _kept(self, loop: Loop) -> None:
        while True:
            try:
                return await loop()
            except LedgerTrouble as trouble:
                self._ledger_state.failed(trouble)
            except Exception:
                log.exception("a loop of the probe broke and is begun again")
            await self._clock.sleep(RESTART_AFTER.total_seconds())
