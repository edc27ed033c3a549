"""The servers that listen where the config says, and move when that changes."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from probe.model.settings import Listen

log = logging.getLogger(__name__)

MOST_LEAVING = 8
"""Servers that may still have something to say where they are wanted no more; of further ones the oldest is stopped."""


class Server(Protocol):
    """Serves at one address."""

    @property
    def port(self) -> int:
        """Return the port that is listened on."""

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """Return what is listened on."""

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Serve who comes to these sockets, or else to the address; raises OSError when that cannot be had."""

    async def last_words(self) -> None:
        """Serve on for as long as those who know this address only have to hear something, within bounds."""

    async def stop(self) -> None:
        """Let go of the address, within seconds."""


class CannotListen(Exception):
    """An address that cannot be listened on; prints as one sentence."""

    def __init__(self, listen: Listen, error: OSError, ours: Listen | None = None) -> None:
        """``ours`` is where this program itself listens on that port."""
        why = str(error.strerror or error)
        if ours and error.errno == errno.EADDRINUSE:
            why += f"; this program still listens on {ours}: move that to another port first, by a reload of its own"
        super().__init__(f"cannot listen on {listen}: {why}")


@dataclass(frozen=True, slots=True)
class _Place:
    listen: Listen
    server: Server


@dataclass(frozen=True, slots=True)
class _Leaving:
    place: _Place
    last_words: asyncio.Task[None]


class Listeners:
    """Hold one server of each kind, at the address that is wanted for it."""

    def __init__(self, make: Mapping[str, Callable[[Listen], Server]]) -> None:
        """``make`` gives a server of each kind."""
        self._make = make
        self._running: dict[str, _Place] = {}
        self._leaving: dict[asyncio.Task[None], _Leaving] = {}

    def port(self, kind: str) -> int | None:
        """Return the port of a server; None where there is none."""
        return self._running[kind].server.port if kind in self._running else None

    async def move(self, wanted: Mapping[str, Listen | None]) -> None:
        """Serve where it is wanted; servers that are wanted no more go on to say their last words, and then stop.

        Raises CannotListen, and then nothing has changed.
        """
        gone = [kind for kind in self._running if self._address(kind) != wanted.get(kind)]
        given_up = self._given_up(gone)
        opened: dict[str, _Place] = {}
        try:
            for kind, listen in wanted.items():
                if listen and self._address(kind) != listen:
                    opened[kind] = _Place(listen, await self._started(kind, listen, given_up.pop(listen, ())))
        except CannotListen:
            for place in opened.values():
                await place.server.stop()
            raise
        for kind in gone:
            self._leave(self._running.pop(kind))
        self._running |= opened
        self._hurry({place.listen for place in opened.values() if place.listen.port})

    async def stop(self) -> None:
        """Stop all servers, once those that leave have said their last words."""
        if self._leaving:
            await asyncio.wait(self._leaving)
        while self._running:
            _, place = self._running.popitem()
            await place.server.stop()

    def _address(self, kind: str) -> Listen | None:
        return self._running[kind].listen if kind in self._running else None

    def _given_up(self, gone: Iterable[str]) -> dict[Listen, Sequence[socket.socket]]:
        """Return the sockets at addresses that servers of ours leave, or have to.

        An address cannot be had a second time, so that servers which exchange theirs exchange their sockets.
        """
        places = [*(self._running[kind] for kind in gone), *(leaving.place for leaving in self._leaving.values())]
        return {place.listen: place.server.sockets for place in places if place.listen.port}

    async def _started(self, kind: str, listen: Listen, sockets: Iterable[socket.socket]) -> Server:
        server = self._make[kind](listen)
        try:
            await server.start([each.dup() for each in sockets if each.fileno() >= 0])
        except OSError as error:
            raise CannotListen(listen, error, self._ours_on(listen.port)) from error
        log.info("listening", extra={"kind": kind, "address": listen.host, "port": server.port})
        return server

    def _ours_on(self, port: int) -> Listen | None:
        places = [*self._running.values(), *(leaving.place for leaving in self._leaving.values())]
        return next((place.listen for place in places if place.listen.port == port), None)

    def _leave(self, place: _Place) -> None:
        last_words = asyncio.create_task(place.server.last_words())
        task = asyncio.create_task(_stop_after(last_words, place.server))
        self._leaving[task] = _Leaving(place, last_words)
        task.add_done_callback(self._leaving.pop)

    def _hurry(self, taken: set[Listen]) -> None:
        """Cut those short whose address another server has now, and those that are too many."""
        leaving = list(self._leaving.values())
        for each in leaving:
            if each.place.listen in taken or each in leaving[:-MOST_LEAVING]:
                each.last_words.cancel()


async def _stop_after(last_words: "asyncio.Task[None]", server: Server) -> None:
    await asyncio.wait({last_words})
    await server.stop()
