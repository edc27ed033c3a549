"""A server that says exactly what a test tells it to, whether that makes sense or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

Answer = bytes | Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
"""What follows a command; `TAG` in it stands for the command's tag. A function may write what it likes."""


@asynccontextmanager
async def scripted(
    greeting: Answer, answers: Mapping[bytes, Answer], *, tagged: bool, heard: list[bytes] | None = None
) -> AsyncIterator[int]:
    """Serve the script on a free port; a command is known by the first key it begins with, after its tag.

    What is said to it is added to ``heard``.
    """

    sessions: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this
        sessions[this] = writer
        with suppress(ConnectionError, ValueError):
            await _say(writer, greeting, b"")
            while line := await reader.readline():
                if heard is not None:
                    heard.append(line.rstrip(b"\r\n"))
                tag, _, command = line.strip().partition(b" ") if tagged else (b"", b"", line.strip())
                known = next((key for key in answers if (command or tag).upper().startswith(key)), None)
                await _say(writer, answers[known] if known is not None else b"TAG BAD what?\r\n", tag)
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in sessions.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*sessions, return_exceptions=True)
        await server.wait_closed()


async def endless(writer: asyncio.StreamWriter, octets: bytes) -> None:
    """Say the same for ever, as fast as the client takes it."""
    while not writer.is_closing():
        writer.write(octets * 1000)
        await writer.drain()


async def drip(writer: asyncio.StreamWriter, octets: bytes) -> None:
    """Say one octet after another, each soon enough for a deadline that begins anew with it."""
    while not writer.is_closing():
        writer.write(octets)
        await writer.drain()
        await asyncio.sleep(0.02)


async def _say(writer: asyncio.StreamWriter, answer: Answer, tag: bytes) -> None:
    if callable(answer):
        await answer(writer, tag)
    else:
        for segment in answer.replace(b"TAG", tag).split(b"PAUSE"):
            writer.write(segment)
            await writer.drain()
            await asyncio.sleep(0.01)
