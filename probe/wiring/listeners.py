"""The servers that listen where the config says, and move when that changes."""

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from probe.model.settings import Listen

log = logging.getLogger(__name__)


class Server(Protocol):
    """Serves at one address."""

    @property
    def port(self) -> int:
        """Return the port that is listened on."""

    async def start(self) -> None:
        """Listen and serve; raises OSError when the address cannot be had."""

    async def stop(self) -> None:
        """Let go of the address, within seconds."""


class CannotListen(Exception):
    """An address that cannot be listened on; prints as one sentence."""

    def __init__(self, listen: Listen, error: OSError) -> None:
        super().__init__(f"cannot listen on {listen}: {error.strerror or error}")


class Listeners:
    """Hold one server of each kind, at the address that is wanted for it."""

    def __init__(self, make: Mapping[str, Callable[[Listen], Server]]) -> None:
        """``make`` gives a server of each kind."""
        self._make = make
        self._running: dict[str, tuple[Listen, Server]] = {}

    def port(self, kind: str) -> int | None:
        """Return the port of a server; None where there is none."""
        return self._running[kind][1].port if kind in self._running else None

    async def move(self, wanted: Mapping[str, Listen | None]) -> list[Server]:
        """Serve where it is wanted; return the servers that are not wanted any more, to be stopped.

        Raises CannotListen, and then nothing has changed.
        """
        opened: dict[str, tuple[Listen, Server]] = {}
        try:
            for kind, listen in wanted.items():
                if listen and self._address(kind) != listen:
                    opened[kind] = listen, await self._started(kind, listen)
        except CannotListen:
            for _, server in opened.values():
                await server.stop()
            raise
        gone = [kind for kind in self._running if self._address(kind) != wanted.get(kind)]
        retired = [self._running.pop(kind)[1] for kind in gone]
        self._running |= opened
        return retired

    async def stop(self) -> None:
        """Stop all servers."""
        while self._running:
            _, (_, server) = self._running.popitem()
            await server.stop()

    def _address(self, kind: str) -> Listen | None:
        return self._running[kind][0] if kind in self._running else None

    async def _started(self, kind: str, listen: Listen) -> Server:
        server = self._make[kind](listen)
        try:
            await server.start()
        except OSError as error:
            raise CannotListen(listen, error) from error
        log.info("listening", extra={"kind": kind, "address": listen.host, "port": server.port})
        return server
