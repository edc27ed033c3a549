"""The reference for answers: a server in a process of its own that says the same to everybody, and no more."""

import asyncio
import json

import uvloop

from bench.child import Child

_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nup\n"


class PlainServer(Child):
    """Serve while the context lasts."""

    def __init__(self) -> None:
        super().__init__("bench.plain_server")

    @property
    def port(self) -> int:
        """Return the port of loopback that it listens on."""
        return int(self.said["port"])


async def _serve() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(_ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
