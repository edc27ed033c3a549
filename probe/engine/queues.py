"""Queues: who wants the same thing has it one by one, and of what nobody wants nothing is kept."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import ExitStack, asynccontextmanager
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Queues(Generic[K]):
    """Let those that wait for the same go one by one, in the order in which they came."""

    def __init__(self) -> None:
        self._locks: dict[K, asyncio.Lock] = {}
        self._wanted: Counter[K] = Counter()

    def __len__(self) -> int:
        """Return how many things somebody has, or waits for."""
        return len(self._locks)

    @asynccontextmanager
    async def turn(self, key: K) -> AsyncIterator[Callable[[], None]]:
        """Wait for the turn; gives what lets the next one in before the end."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._wanted[key] += 1
        try:
            with ExitStack() as place:
                await lock.acquire()
                place.callback(lock.release)
                yield place.close
        finally:
            self._wanted[key] -= 1
            if not self._wanted[key]:
                del self._wanted[key], self._locks[key]
