"""An SMTP server that answers by a table, for every fault that a real one would have to be bent to."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Act = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What is sent in answer, or done instead."""

GREETING = ""
DOT = "."
GO_AHEAD: Act = b"220 go ahead\r\n"
POLITE: Mapping[str, Act] = {
    GREETING: b"220 mx.test ESMTP\r\n",
    "EHLO": b"250-mx.test\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 100000000\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    DOT: b"250 2.0.0 queued as 4F2A\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing more, and listen to nothing."""
    await asyncio.Event().wait()


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close in good order."""
    writer.close()
    raise ConnectionAbortedError


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close by RST."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionAbortedError


def saying(octets: bytes, *then: Act) -> Act:
    """Say this first, whatever the act after it."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        for further in then:
            await perform(further, reader, writer)

    return act


def dripping(octets: bytes, *, pause_seconds: float) -> Act:
    """Say this for ever, with a pause after each time."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(octets)
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return act


def named(act: Act) -> str:
    """Name an act the same in every process."""
    return getattr(act, "__name__", "") or repr(act)[:20]


async def perform(act: Act, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if isinstance(act, bytes):
        writer.write(act)
        await writer.drain()
    else:
        await act(reader, writer)


@dataclass
class Scripted:
    """The server; ``heard`` keeps every line of every session."""

    answers: Mapping[str, Act]
    tls: ssl.SSLContext | None = None
    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    sessions: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    """Those of the sessions that go on."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.sessions += 1
        self.writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._converse(reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the test; streams complain of cancelled handlers
        finally:
            writer.transport.abort()
            self.writers.discard(writer)
            self._tasks.discard(task)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await perform(self.answers[GREETING], reader, writer)
        while True:
            line = (await reader.readuntil(b"\r\n"))[:-2]
            self.heard.append(line)
            verb = line.split(b" ")[0].decode("ascii", "replace").upper()
            await perform(self.answers.get(verb, b"500 5.5.1 what?\r\n"), reader, writer)
            if verb == "DATA" and self.answers["DATA"] == POLITE["DATA"]:
                await self.take_message(reader, writer)
            elif verb == "STARTTLS" and self.answers["STARTTLS"] == GO_AHEAD:
                assert self.tls
                await writer.start_tls(self.tls)

    async def take_message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear a text to its final dot, and answer that."""
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            self.heard.append(line[:-2])
        self.heard.append(b".")
        await perform(self.answers[DOT], reader, writer)


@asynccontextmanager
async def scripted(
    changes: Mapping[str, Act] | None = None, *, tls: ssl.SSLContext | None = None, implicit: bool = False
) -> AsyncIterator[Scripted]:
    """Run a server that is polite but for these changes."""
    server = Scripted({**POLITE, **(changes or {})}, tls)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls if implicit else None)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await server.stop()
        await listener.wait_closed()
