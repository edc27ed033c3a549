"""One connection to a server, with TLS when it is asked for: octets out, replies in, nothing unbounded."""

import asyncio
import contextlib
import socket
import ssl
from typing import cast

from probe.model.reply import Reply
from probe.model.tls_seen import UNSEEN, TlsSeen
from probe.smtp.chain import chain_of
from probe.smtp.failures import Lost, OwnFailure, broken, no_handshake
from probe.smtp.replies import ReplyParser, Violation

BLOCK = 64 * 1024
"""Octets that are handed to the network at a time."""


class Connection(asyncio.Protocol):
    """A connection that is written to in blocks and read reply by reply; its user sets the deadlines."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._parser = ReplyParser()
        self._failure: Lost | Violation | None = None
        self._held_back = False
        self._stirred = asyncio.Event()
        self._ended = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self.tls = UNSEEN
        """What was seen of TLS so far."""

    @property
    def local(self) -> tuple[str, int]:
        """Return our own address and port; those of loopback for a socket pair, which never leaves this host."""
        name = self._wire.get_extra_info("sockname")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("127.0.0.1", 0)

    @property
    def quiet(self) -> bool:
        """Tell whether it stands, and the server has said nothing that was not heard."""
        return not (self._failure or self._wire.is_closing() or self._parser.unread)

    async def disturbed(self) -> None:
        """Return as soon as it is not quiet any more."""
        while self.quiet:
            self._stirred.clear()
            await self._stirred.wait()

    def begin_anew(self) -> None:
        """Count what the server says from here on."""
        self._parser.begin_anew()

    def add(self, octets: bytes) -> None:
        """Write commands behind what is out already, without a look at what the server says meanwhile."""
        self._wire.write(octets)

    def announce(self, header: bytes) -> None:
        """Write the very first octets, even where the server has spoken before them."""
        self._wire.write(header)

    async def send(self, octets: bytes) -> bool:
        """Hand one block to the network; False if the server spoke before all of it was out. Raises Lost, Violation."""
        if self._parser.unread:
            return False
        self._check()
        self._wire.write(octets)
        self._acknowledge_at_once()
        while self._held_back and not self._parser.unread:
            await self._news()
        return not self._held_back

    async def reply(self) -> Reply:
        """Wait for the next reply. Raises Lost, and Violation where the server says something else."""
        while (reply := self._parser.next()) is None:
            await self._news()
        return reply

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Go on under TLS. Raises Insecure, Lost, OwnFailure, and Violation for an attempt at injection."""
        self._check()
        if self._parser.unread:
            # RFC 3207 4.2: what was said in clear would be taken for what was said under TLS.
            self.tls = TlsSeen(injected=True)
            raise Violation("injected plain text in front of the TLS handshake")
        try:
            secured = await asyncio.get_running_loop().start_tls(self._wire, self, context, server_hostname=name)
        except OSError as error:  # ssl.SSLError is one
            raise no_handshake(error, peer=self._peer, name=name) from error
        except ValueError as error:
            raise OwnFailure(f"no certificate can be checked for the name {name!r}: {error}") from error
        self._transport = cast(asyncio.Transport, secured)
        # Now, not when it is asked for: a transport that has ended cannot tell any more.
        encrypted = self._wire.get_extra_info("ssl_object")
        chain, whole = chain_of(encrypted)
        self.tls = TlsSeen(version=encrypted.version(), chain=chain, whole=whole)
        self._limit_unsent()

    async def close(self) -> None:
        """Close in good order, and wait until that is done."""
        self._wire.close()
        await self._ended.wait()

    def abort(self) -> None:
        """Close at once."""
        self._wire.abort()

    def drop(self) -> None:
        """Close at once, and hear nothing of what the server has said."""
        self._parser = ReplyParser()
        self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._limit_unsent()

    def data_received(self, data: bytes) -> None:
        """Keep what the server says, until it says too much."""
        try:
            self._parser.feed(data)
        except Violation as violation:
            self._failure = self._failure or violation
            self.abort()
        self._stirred.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits."""
        self._failure = self._failure or broken(exc)
        self._ended.set()
        self._stirred.set()

    def pause_writing(self) -> None:
        """Remember that not everything is out."""
        self._held_back = True

    def resume_writing(self) -> None:
        """Remember that everything is out."""
        self._held_back = False
        self._stirred.set()

    def _acknowledge_at_once(self) -> None:
        """Make the kernel not wait for data to send an acknowledgement along with (it forgets this by itself).

        A server that wrote twice, as TLS 1.3 does after its handshake, holds the second part back until the first
        is acknowledged (RFC 896): 40 ms of our own making would count as the server's.
        """
        with contextlib.suppress(OSError):  # it has been closed meanwhile, which the next reading tells
            self._wire.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    @property
    def _wire(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _limit_unsent(self) -> None:
        # So low that writing is held back until all is with the kernel: only then the final dot is out.
        self._wire.set_write_buffer_limits(high=1, low=0)

    async def _news(self) -> None:
        self._check()
        self._stirred.clear()
        await self._stirred.wait()

    def _check(self) -> None:
        if self._failure:
            raise self._failure
        if self._wire.is_closing():
            # Under TLS the end is told late, and what is written meanwhile goes nowhere.
            raise broken(None)
