"""How the server stands against slow, many and rude clients, and how it comes and goes."""

import asyncio
import resource
import signal
import socket
import statistics
import time

import pytest
from starlette.types import Message

from probe.model.settings import Listen
from probe.web import Guard, WebServer, connections
from probe.web.answers import PIECE, InPieces
from tests.web.serving import World


async def _app(scope: object, receive: object, send: object) -> None:
    raise AssertionError("nobody asks")


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    "piece",
    [b"", b"GET /-/healthy HTT", b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"],
)
def test_a_client_that_never_finishes_its_request_is_let_go(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN_SECONDS", 0.05)

    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(piece)
            answer = await asyncio.wait_for(read_to_the_end(reader), 5)
            writer.close()
            return answer

    assert asyncio.run(scenario()) == b""


def test_a_client_that_goes_on_dripping_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN_SECONDS", 0.1)

    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"X")
            await asyncio.sleep(0.01)

    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(b"GET / HTTP/1.1\r\nX: ")
            dripping = asyncio.create_task(drip(writer))
            answer = await asyncio.wait_for(read_to_the_end(reader), 5)
            dripping.cancel()
            writer.close()
            return answer

    assert asyncio.run(scenario()) == b""


def test_a_connection_that_asked_before_is_let_go_when_it_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN_SECONDS", 0.05)

    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET ")
            answer = await asyncio.wait_for(reader.readuntil(b"Healthy\n"), 5)
            rest = await asyncio.wait_for(read_to_the_end(reader), 5)
            writer.close()
            return answer + rest

    assert asyncio.run(scenario()).endswith(b"Healthy\n")


def test_a_client_that_takes_no_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ANSWER_WITHIN_SECONDS", 0.05)
    world = World(metrics=b"x" * 50_000_000)

    async def scenario() -> int:
        async with world.served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port, limit=1024)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.3)
            answer = await asyncio.wait_for(read_to_the_end(reader), 5)
            writer.close()
            return len(answer)

    assert asyncio.run(scenario()) < len(world.metrics)


def test_a_full_house_lets_the_longest_waiting_go_and_answers_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 5)

    async def scenario() -> None:
        async with World().served() as client:
            # Given
            silent = [await asyncio.open_connection("127.0.0.1", client.base_url.port) for _ in range(8)]

            # When
            response = await client.get("/health/vip/mta1")

            # Then
            assert response.status_code == 200
            assert await asyncio.wait_for(read_to_the_end(silent[0][0]), 5) == b""
            for _, writer in silent:
                writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "descriptors, most", [(256, 64), (1024, 256), (2000, 500), (2004, 500), (resource.RLIM_INFINITY, 500)]
)
def test_connections_leave_descriptors_for_the_mail(
    descriptors: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (descriptors, descriptors))
    assert connections.most_connections() == most


def test_a_house_full_of_slow_readers_still_answers_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    world = World(metrics=b"x" * 50_000_000)

    async def scenario() -> int:
        async with world.served() as client:
            slow = [await asyncio.open_connection("127.0.0.1", client.base_url.port, limit=1024) for _ in range(3)]
            for reader, writer in slow:
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readline()
            response = await client.get("/health/vip/mta1")
            for _, writer in slow:
                writer.close()
            return response.status_code

    assert asyncio.run(scenario()) == 200


@pytest.mark.parametrize("length", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_long_answer_is_written_in_pieces_and_arrives_whole(length: int) -> None:
    """All that is written is kept until the client takes it, over TLS as a copy of its own for each."""
    written: list[Message] = []

    async def send(message: Message) -> None:
        written.append(message)

    async def nothing() -> Message:
        raise AssertionError("nobody has more to say")

    body = (bytes(range(251)) * (length // 251 + 1))[:length]
    asyncio.run(InPieces(body)({"type": "http"}, nothing, send))
    start, *pieces = written
    assert (b"content-length", str(length).encode()) in start["headers"]
    assert b"".join(piece["body"] for piece in pieces) == body
    assert max(len(piece["body"]) for piece in pieces) <= PIECE
    assert [piece.get("more_body", False) for piece in pieces] == [True] * (len(pieces) - 1) + [False]


def test_a_head_without_an_end_is_refused() -> None:
    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000)
            answer = await asyncio.wait_for(read_to_the_end(reader), 5)
            writer.close()
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 400 ")


def test_an_answer_does_not_wait_for_the_network_to_acknowledge_its_head() -> None:
    async def scenario() -> float:
        async with World().served() as client:
            took = []
            for _ in range(21):
                asked = time.monotonic()
                await client.get("/health/vip/mta1")
                took.append(time.monotonic() - asked)
            return statistics.median(took)

    # A delayed acknowledgement takes 40 ms on Linux, each time.
    assert asyncio.run(scenario()) < 0.035


def test_a_port_in_use_is_an_error_that_can_be_told() -> None:
    async def scenario(port: int) -> None:
        with pytest.raises(OSError, match="in use"):
            await WebServer(_app, Listen("127.0.0.1", port), Guard()).start()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        asyncio.run(scenario(taken.getsockname()[1]))


def test_the_port_is_free_when_the_server_has_stopped() -> None:
    async def scenario() -> None:
        server = WebServer(_app, Listen("127.0.0.1", 0), Guard())
        await server.start()
        port = server.port
        await server.stop()
        await server.stop()
        again = WebServer(_app, Listen("127.0.0.1", port), Guard())
        await again.start()
        assert again.port == port
        await again.stop()

    asyncio.run(scenario())


def test_a_silent_client_does_not_keep_the_server_from_stopping() -> None:
    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            await client.get("/-/healthy")
        answer = await asyncio.wait_for(read_to_the_end(reader), 5)
        writer.close()
        return answer

    assert asyncio.run(scenario()) == b""


def test_signals_are_left_to_the_program() -> None:
    async def scenario() -> None:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        async with World().served():
            assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before

    asyncio.run(scenario())
