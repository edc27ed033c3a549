"""Asking the agent as HAProxy does: a line, and then whatever comes until the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from probe.agent import AgentServer, Handover
from probe.engine.board import Board
from probe.model.settings import Listen
from tests.metrics.boards import NOW

PATIENCE_SECONDS = 10
LATER = NOW + timedelta(minutes=1)
"""When every balancer has heard of the verdicts that there are."""


@asynccontextmanager
async def serving(board: Board, now: Callable[[], datetime] = lambda: LATER) -> AsyncIterator[AgentServer]:
    """Answer from a board, on a port that was free."""
    server = AgentServer(lambda: board, Listen("127.0.0.1", 0), Handover(now))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(port: int, *pieces: bytes) -> bytes:
    """Send a question, in pieces, and return all that is answered before the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)  # so that pieces arrive as such
        return await to_the_end(reader)
    finally:
        writer.close()


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side is gone."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    except ConnectionResetError:
        return b""
