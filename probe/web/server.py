"""The HTTP server: uvicorn inside a loop that is not its own."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from probe.model.settings import Listen
from probe.net.listening import bound
from probe.web.connections import BoundedProtocol
from probe.web.door import Door
from probe.web.guard import Guard

_LONGEST_HEAD = 16 * 1024
"""Octets of a request line with its headers."""
_KEEP_ALIVE_SECONDS = 5
_FAREWELL_SECONDS = 3


class WebServer:
    """Serve an application where the config says; touches no signal, and never ends the process."""

    def __init__(
        self, app: ASGIApp, listen: Listen, guard: Guard, *, farewell: Callable[[], None] = lambda: None
    ) -> None:
        """``farewell`` brings answers to their end that have none; it is called once, when the server stops."""
        self._listen = listen
        self._door = Door(guard, self._connection)
        self._line: dict[BoundedProtocol, None] = {}
        self._farewell = farewell
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level=logging.ERROR,  # its warnings are of bad requests: anybody could fill the log with them
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_FAREWELL_SECONDS,
                h11_max_incomplete_event_size=_LONGEST_HEAD,
            )
        )
        self._sockets: Sequence[socket.socket] = ()
        self._beat: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on; a real one where the config says 0."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """Return what is listened on."""
        return self._sockets

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Serve who comes to these sockets, or else to the address; raises OSError when that cannot be had."""
        self._sockets = list(sockets) or await bound(self._listen)
        # The parts of uvicorn's own serve(), without its signal handlers.
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        self._server.servers = []  # it would accept by itself
        self._door.open(self._sockets)
        self._beat = asyncio.create_task(self._server.main_loop())

    async def last_words(self) -> None:
        """Say nothing: who asks by HTTP remembers no answer."""

    async def stop(self) -> None:
        """Answer what was asked, within seconds, and let go of the port."""
        if self._beat is None:
            return
        self._beat.cancel()
        await asyncio.wait([self._beat])
        await self._door.close()
        self._farewell()
        await self._server.shutdown(sockets=list(self._sockets))
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        self._beat = None

    def _connection(self) -> asyncio.Protocol:
        state = self._server.server_state
        return BoundedProtocol(self._line, config=self._server.config, server_state=state, app_state={})
