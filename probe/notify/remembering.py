"""What an endpoint was told, kept in the ledger: it hears of an end, too, that comes while the program is stopped."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from probe.model.alarm import Alarm, AlarmKey
from probe.model.settings import Notify
from probe.notify.endpoint import Endpoint
from probe.ports import LedgerTrouble

PATIENCE_SECONDS = 2.0
"""Alarms wait no longer for a ledger, for it may be what they are about."""


class Memory(Protocol):
    """The part of the ledger that remembers what was told; a Ledger is one."""

    async def alarms_told(self, endpoint: str) -> Sequence[Alarm]:
        """Return what an endpoint was told to be wrong, and not yet that it is over. Raises LedgerTrouble."""

    async def set_alarms_told(self, endpoint: str, alarms: Sequence[Alarm]) -> None:
        """Remember all that an endpoint was told to be wrong. Raises LedgerTrouble."""


class Remembering:
    """Remember what one endpoint was told; while the ledger does not work it is told all the same."""

    def __init__(self, endpoint: Endpoint, memory: Callable[[], Memory]) -> None:
        """``memory`` gives the ledger that is open now; another one is written to anew."""
        self._endpoint = endpoint
        self._memory = memory
        self._name = name_of(endpoint.settings)
        self._recalled = False
        self._kept: tuple[Memory, frozenset[AlarmKey]] | None = None

    async def recall(self) -> None:
        """Take up what the endpoint was told before a restart; a ledger that cannot be read is asked again later."""
        if self._recalled:
            return
        memory = self._memory()
        with suppress(LedgerTrouble, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                told = await memory.alarms_told(self._name)
            self._endpoint.restore(told)
            self._recalled = True
            self._kept = memory, frozenset(alarm.key for alarm in told)

    async def keep(self) -> None:
        """Write down what the endpoint was told, where that has changed; what cannot be written is written later."""
        memory, told = self._memory(), self._endpoint.told
        now = memory, frozenset(alarm.key for alarm in told)
        if not self._recalled or now == self._kept:
            return
        with suppress(LedgerTrouble, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await memory.set_alarms_told(self._name, told)
            self._kept = now


def name_of(endpoint: Notify) -> str:
    """Return by what an endpoint is known in the ledger; not by its URL, for some hide a secret in it."""
    return hashlib.sha256(f"{endpoint.kind} {endpoint.url}".encode()).hexdigest()
