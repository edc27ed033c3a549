"""A TCP server whose sessions and pending work all end when it is closed."""

import asyncio
import contextlib
import logging
import ssl
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from probe.demo.wire import Wire

SESSIONS_CAP = 2000

log = logging.getLogger(__name__)


class Server(ABC):
    """One listening address; a subclass says what is spoken there.

    Port 0 takes a free port; `port` then tells which, and keeps it over `close` and `start`.
    With `tls` and not `implicit_tls` the protocol's own STARTTLS command is offered.
    """

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None = None, implicit_tls: bool = False) -> None:
        if implicit_tls and tls is None:
            raise ValueError("implicit TLS needs a TLS context")
        self.host = host
        self.port = port
        self.tls = tls
        self._implicit_tls = implicit_tls
        self._listener: asyncio.Server | None = None
        self._wires: set[Wire] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def converse(self, wire: Wire) -> None:
        """Speak with one client until it or the server has had enough; the caller closes the wire."""

    @property
    def listening(self) -> bool:
        """Say whether `start` takes connections; if not, the port is held and refuses them."""
        return True

    @property
    def connections(self) -> int:
        """Return how many clients are connected now."""
        return len(self._wires)

    async def start(self) -> None:
        """Take the port and, unless it is to refuse connections, listen on it."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._new_wire, self.host, self.port, start_serving=self.listening)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, end every session and drop pending work."""
        if self._listener is None:
            return
        self._listener.close()
        wires = list(self._wires)
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.drop_all()
        await asyncio.gather(*(wire.lost() for wire in wires))
        await self._listener.wait_closed()
        self._listener = None

    def drop_all(self) -> None:
        """Cut every connection at once, as a crash would."""
        for wire in list(self._wires):
            wire.abort()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` in the background, at the longest until the server is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _new_wire(self) -> Wire:
        return Wire(self._opened, self._wires.discard)

    def _opened(self, wire: Wire) -> None:
        if len(self._wires) >= SESSIONS_CAP:
            wire.abort()
            return
        self._wires.add(wire)
        self.spawn(self._session(wire))

    async def _session(self, wire: Wire) -> None:
        # A client that leaves, breaks a cap or fails its handshake is everyday life, not an error of ours.
        try:
            with contextlib.suppress(OSError, TimeoutError):
                if self._implicit_tls and self.tls:
                    await wire.start_tls(self.tls)
                await self.converse(wire)
        finally:
            wire.close()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("session failed", exc_info=error)
