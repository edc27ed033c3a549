"""One client's connection as the servers see it: bounded lines in, bytes out, TLS when asked for."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

LINE_CAP = 64 * 1024
BUFFER_CAP = 256 * 1024
UNSENT_CAP = 64 * 1024 * 1024
PATIENCE_SECONDS = 1800.0  # RFC 9051 5.4: an inactive client is kept for at least 30 minutes
HANDSHAKE_SECONDS = 10.0


class Closed(ConnectionError):
    """The client is gone, or was sent away for breaking a cap."""


class Wire(asyncio.Protocol):
    """A connection that is read line by line and never holds more than its caps."""

    def __init__(self, opened: Callable[["Wire"], None], closed: Callable[["Wire"], None]) -> None:
        self.encrypted = False
        self._opened = opened
        self._closed = closed
        self._buffer = bytearray()
        self._stirred = asyncio.Event()
        self._writable = asyncio.Event()
        self._ended = asyncio.Event()
        self._lost = asyncio.Event()
        self._transport: asyncio.Transport

    @property
    def peer(self) -> str:
        """Return the client's address."""
        return str(self._transport.get_extra_info("peername", ("unknown",))[0])

    async def line(self, cap: int = LINE_CAP) -> bytes:
        """Return the next line without its CRLF; raise `Closed` at the end or over `cap` octets."""
        # RFC 5321 2.3.8: only CRLF ends a line; a bare LF would open the door to smuggled messages.
        while (end := self._buffer.find(b"\r\n")) < 0 and len(self._buffer) <= cap:
            await self._more()
        if end < 0 or end > cap:
            raise Closed("line too long")
        return self._take(end + 2)[:-2]

    async def exactly(self, size: int) -> bytes:
        """Return the next `size` octets; the caller has compared `size` with a cap."""
        taken = bytearray()
        while len(taken) < size:
            if not self._buffer:
                await self._more()
            taken += self._take(min(size - len(taken), len(self._buffer)))
        return bytes(taken)

    def write(self, octets: bytes) -> None:
        """Send without waiting; raise `Closed` when nobody listens or the client stopped reading."""
        if self._transport.is_closing():
            raise Closed("connection closed")
        self._transport.write(octets)
        if self._transport.get_write_buffer_size() > UNSENT_CAP:
            self.abort()

    async def send(self, octets: bytes) -> None:
        """Send, and wait until the client has taken most of it."""
        self.write(octets)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._writable.wait()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on under TLS; raise `Closed` when plain text was sent after the request for it."""
        if self._buffer:  # RFC 3207 4.2: what was said before the handshake counts for nothing
            raise Closed("plain text before the handshake")
        loop = asyncio.get_running_loop()
        try:
            # The client's first words may reach data_received before this returns: they wait in the buffer.
            transport = await loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except BaseException:
            # After a failed handshake asyncio closes the socket, but does not tell.
            self.connection_lost(None)
            raise
        self._transport = cast(asyncio.Transport, transport)
        self.encrypted = True

    async def ended(self) -> None:
        """Wait until the client has closed or is gone."""
        await self._ended.wait()

    async def lost(self) -> None:
        """Wait until the socket is closed."""
        await self._lost.wait()

    def close(self) -> None:
        """Send what is still waiting, then close."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once, without a word."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self._transport = cast(asyncio.Transport, transport)
        self._writable.set()
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Keep what came, and stop reading when it becomes too much."""
        self._buffer += data
        self._stirred.set()
        if len(self._buffer) > BUFFER_CAP:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the sending side open, where the transport can, for answers still due."""
        self._end()
        return not self.encrypted

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits for this client."""
        self._end()
        self._lost.set()
        self._writable.set()
        self._closed(self)

    def pause_writing(self) -> None:
        """Hold `send` back."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `send` go on."""
        self._writable.set()

    def _end(self) -> None:
        self._ended.set()
        self._stirred.set()

    async def _more(self) -> None:
        if self._ended.is_set():
            raise Closed("connection closed")
        self._stirred.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._stirred.wait()

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        if len(self._buffer) <= BUFFER_CAP and not self._transport.is_closing():
            self._transport.resume_reading()
        return taken
