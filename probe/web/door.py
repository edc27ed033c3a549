"""Where connections come in: TLS handshakes with an end, and only so many at once."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from probe.web.guard import Guard

HANDSHAKE_WITHIN_SECONDS = 5.0
MOST_HANDSHAKES = 100
"""The oldest makes room for a newer one: whoever means it needs milliseconds."""
_NEXT_TRY_SECONDS = 0.1


class Door:
    """Accept connections, shake hands where the web config asks for TLS now, and hand them over.

    asyncio's own servers would shake hands with any number of clients at once, and by one certificate for ever.
    """

    def __init__(self, guard: Guard, protocol: Callable[[], asyncio.Protocol]) -> None:
        """``protocol`` makes what serves one connection."""
        self._guard = guard
        self._protocol = protocol
        self._accepting: list[asyncio.Task[None]] = []
        self._coming_in: dict[asyncio.Task[None], None] = {}

    def open(self, sockets: Sequence[socket.socket]) -> None:
        """Let clients in who come to these."""
        for listening in sockets:
            listening.setblocking(False)
            self._accepting.append(asyncio.create_task(self._accept(listening)))

    async def close(self) -> None:
        """Let nobody in any more."""
        tasks = [*self._accepting, *self._coming_in]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listening)
            except OSError:  # no descriptor is left, or the client has gone
                await asyncio.sleep(_NEXT_TRY_SECONDS)
                continue
            entry = asyncio.create_task(self._enter(client, self._guard.context))
            self._coming_in[entry] = None
            entry.add_done_callback(self._coming_in.pop)
            if len(self._coming_in) > MOST_HANDSHAKES:
                next(iter(self._coming_in)).cancel()

    async def _enter(self, client: socket.socket, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        within = HANDSHAKE_WITHIN_SECONDS if context else None
        try:
            await loop.connect_accepted_socket(self._met, client, ssl=context, ssl_handshake_timeout=within)
        except OSError:  # ssl.SSLError, TimeoutError and ConnectionError are kinds of it
            client.close()
        except asyncio.CancelledError:
            client.close()
            raise

    def _met(self) -> asyncio.Protocol:
        allowed = self._guard.allowed_sans
        return _Named(allowed, self._protocol()) if allowed else self._protocol()


class _Named(asyncio.Protocol):
    """Hand over the clients whose certificate holds an allowed name, and no others."""

    def __init__(self, allowed: Iterable[str], protocol: asyncio.Protocol) -> None:
        self._allowed = frozenset(allowed)
        self._protocol = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look at the certificate, which has been verified."""
        names = names_in(transport.get_extra_info("peercert") or {})
        if self._allowed.isdisjoint(names):
            cast(asyncio.Transport, transport).abort()
            return
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(transport)


def names_in(certificate: Mapping[str, Any]) -> set[str]:
    """Return the alternative names in a certificate, as Python's ssl tells of it."""
    names = certificate.get("subjectAltName", ())
    return {str(ipaddress.ip_address(name)) if kind == "IP Address" else name for kind, name in names}
