"""A VIP of the tests: a server that greets by another name at each dial."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

from tests.smtp.scripted import GREETING, POLITE, Act, Scripted

NAMES = ("mta1.lab.test", "mta2.lab.test")
MTA1, MTA2, OTHER = b"220 mta1.lab.test ESMTP\r\n", b"220 mta2.lab.test ESMTP\r\n", b"220 mx.example.org ESMTP\r\n"


class Balanced:
    """A VIP: each dial is answered by the next greeting, and then as the table says."""

    def __init__(self, greetings: Sequence[Act], changes: Mapping[str, Act], tls: ssl.SSLContext | None) -> None:
        self._greetings = cycle(greetings)
        self._answers = {**POLITE, **changes}
        self._tls = tls
        self.servers: list[Scripted] = []
        """One for each dial."""
        self.port = 0
        self.most_at_once = 0
        self._now = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        server = Scripted({**self._answers, GREETING: next(self._greetings)}, self._tls)
        self.servers.append(server)
        try:
            await server.serve(reader, writer)
        finally:
            self._now -= 1

    def heard(self) -> list[str]:
        """Return the verbs of each dial."""
        return [" ".join(line.split()[0].decode() for line in server.heard if line) for server in self.servers]


@asynccontextmanager
async def balanced(
    *greetings: Act,
    changes: Mapping[str, Act] | None = None,
    address: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
) -> AsyncIterator[Balanced]:
    """Run a VIP that is polite but for these changes."""
    vip = Balanced(greetings, changes or {}, tls)
    listener = await asyncio.start_server(vip.serve, address, 0, ssl=tls if implicit else None)
    vip.port = listener.sockets[0].getsockname()[1]
    try:
        yield vip
    finally:
        listener.close()
        for server in vip.servers:
            await server.stop()
        await listener.wait_closed()
