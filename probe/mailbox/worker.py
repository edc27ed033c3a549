"""One thread of its own for the blocking calls of one session."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from probe.model.trouble import TroubleKind
from probe.ports import MailboxTrouble

T = TypeVar("T")


class Worker:
    """Runs calls one after another in a thread that begins with the first of them.

    The thread is a daemon: one that hangs in the system's resolver must not hold up the end of the program.
    """

    def __init__(self, name: str, *, last: Callable[[], None]) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._last = last
        self._begun = False
        self._ended = False

    async def run(self, call: Callable[[], T], *, within: float) -> T:
        """Return what the call returns; raises MailboxTrouble when that takes longer than so many seconds."""
        if self._ended:
            raise MailboxTrouble("the session is closed")
        if not self._begun:
            self._begun = True
            self._thread.start()
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put(lambda: _answer(answer, call))
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError as exc:
            raise MailboxTrouble("no answer in time", TroubleKind.SLOW) from exc

    def end(self) -> None:
        """Let the thread end after the call that is going on; its last act frees what it used."""
        if self._ended:
            return
        self._ended = True
        if self._begun:
            self._calls.put(None)
        else:
            self._last()

    async def ended(self, within: float) -> None:
        """Return when the thread has ended, or after so many seconds."""
        for _ in range(int(within * 200)):
            if not self._thread.is_alive():
                return
            await asyncio.sleep(0.005)

    def _work(self) -> None:
        try:
            while call := self._calls.get():
                call()
        finally:
            self._last()


def _answer(answer: "asyncio.Future[T]", call: Callable[[], T]) -> None:
    if answer.cancelled():
        return
    try:
        result = call()
    except Exception as exc:
        _post(answer, answer.set_exception, exc)
    else:
        _post(answer, answer.set_result, result)


def _post(answer: "asyncio.Future[T]", settle: Callable[[Any], None], value: object) -> None:
    def settle_unless_abandoned() -> None:
        if not answer.done():
            settle(value)

    try:
        answer.get_loop().call_soon_threadsafe(settle_unless_abandoned)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more
