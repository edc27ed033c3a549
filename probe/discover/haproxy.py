"""Finds the servers of a backend of HAProxy, over its stats socket."""

import asyncio
import os
import re
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta

from probe.discover.hosts import AGAIN, is_host_name
from probe.discover.members import MOST_MEMBERS, noted
from probe.discover.server_states import Server, servers
from probe.model.settings import Discovery, Member
from probe.net.text import printable
from probe.ports import DiscoveryTrouble, Found

LIFETIME = timedelta(seconds=5)
"""How long one question may take."""
LARGEST = 4 * 1024 * 1024
"""Octets of an answer: those of some 20,000 servers."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""The names that a member may have; HAProxy allows colons too."""


class HaproxyFinder:
    """Takes each server of a backend for a member of the same name, whatever HAProxy thinks of its health."""

    def __init__(self, pool: str, discovery: Discovery, *, lifetime: timedelta = LIFETIME) -> None:
        self._pool = pool
        self._discovery = discovery
        self._lifetime = lifetime

    async def find(self) -> Found:
        """Ask HAProxy."""
        listed = servers(await self._answer())
        usable = [server for server in listed if server.address and _NAME.fullmatch(server.name)]
        notes = [*_left_out(listed, usable)]
        if len(usable) > MOST_MEMBERS:
            notes.append(f"only {MOST_MEMBERS} of {len(usable)} servers are used")
        if not usable:
            raise DiscoveryTrouble(noted(notes) or f"the backend {self._discovery.backend} has no servers")
        return Found(tuple(map(self._member, usable[:MOST_MEMBERS])), AGAIN, noted(notes))

    def _member(self, server: Server) -> Member:
        hostname = server.hostname if is_host_name((server.hostname or "").lower()) else None
        return Member(self._pool, server.name, server.address, server.port or self._discovery.port, hostname)

    async def _answer(self) -> str:
        socket = self._discovery.name
        try:
            async with asyncio.timeout(self._lifetime.total_seconds()):
                return (await _ask(socket, f"show servers state {self._discovery.backend}")).decode("utf-8", "replace")
        except TimeoutError as error:
            limit = f"{self._lifetime.total_seconds():g} s"
            raise DiscoveryTrouble(f"HAProxy at {socket} did not answer within {limit}") from error
        except OSError as error:
            words = os.strerror(error.errno) if error.errno and error.errno > 0 else printable(str(error))
            raise DiscoveryTrouble(f"HAProxy at {socket} cannot be asked: {words}") from error


async def _ask(socket: str, command: str) -> bytes:
    reader, writer = await _connected(socket)
    with closing(writer):
        writer.write(f"{command}\n".encode("ascii"))
        answer = b""
        while octets := await reader.read(LARGEST):
            answer += octets
            if len(answer) > LARGEST:
                raise DiscoveryTrouble(f"HAProxy at {socket} answered with more than {LARGEST} octets")
        return answer


async def _connected(socket: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if socket.startswith("/"):
        return await asyncio.open_unix_connection(socket)
    host, _, port = socket.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port))


def _left_out(listed: Sequence[Server], usable: Sequence[Server]) -> list[str]:
    left_out = [server for server in listed if server not in usable]
    return [
        f"{printable(server.name)} has no address, and is left out"
        if _NAME.fullmatch(server.name)
        else f"{printable(server.name)} is no name for a member, and is left out"
        for server in left_out
    ]
