"""A way to a server that takes its time in both directions, and counts the turns of those who talk over it."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

_CHUNK = 65536


class Relay:
    """Relays every connection to a port of this host while the context lasts, each octet half a latency later."""

    def __init__(self, target: int, *, latency_seconds: float) -> None:
        self._target = target
        self._delay_seconds = latency_seconds / 2
        self._ways: set[asyncio.Task[None]] = set()
        self._client_spoke_last = False
        self.turns = 0
        """How often a client has said something, each time it may have waited for the server before."""

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, outward = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink, of_client in ((reader, outward, True), (onward, writer, False)):
            way = asyncio.create_task(self._carry(source, sink, of_client=of_client))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, of_client: bool) -> None:
        """Carry all that comes, in order, each chunk when it is due."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while (item := await chunks.get())[1]:
                await asyncio.sleep(item[0] - loop.time())
                sink.write(item[1])

        delivery = asyncio.create_task(deliver())
        try:
            with contextlib.suppress(OSError):
                while chunk := await source.read(_CHUNK):
                    self._count(of_client=of_client)
                    chunks.put_nowait((loop.time() + self._delay_seconds, chunk))
            chunks.put_nowait((0, b""))
            await delivery
        finally:
            delivery.cancel()
            sink.close()

    def _count(self, *, of_client: bool) -> None:
        self.turns += of_client and not self._client_spoke_last
        self._client_spoke_last = of_client
