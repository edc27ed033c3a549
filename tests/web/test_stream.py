"""The event stream over HTTP: live, long, bounded in number, and over when the server stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import pytest

from probe.engine.happenings import Ended
from probe.web import connections, events, stream
from tests.metrics.boards import delivered, missing
from tests.web.serving import World

EVENTS = "/api/v1/events"


@asynccontextmanager
async def listening(client: httpx.AsyncClient, query: str = "", **headers: str) -> AsyncIterator[AsyncIterator[str]]:
    """Listen, and give the lines of what is heard once the stream has begun."""
    async with client.stream("GET", EVENTS + query, headers=headers, timeout=10) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        await until(lines, "retry: 3000")
        yield lines


@asynccontextmanager
async def asking(client: httpx.AsyncClient, path: str = EVENTS) -> AsyncIterator[asyncio.StreamReader]:
    """Ask over a connection of its own, and give what reads the answer once that has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await reader.readline()
    yield reader
    writer.close()


async def until(lines: AsyncIterator[str], wanted: str) -> None:
    """Read on to a line that begins so."""
    async with asyncio.timeout(10):
        async for line in lines:
            if line.startswith(wanted):
                return
    raise AssertionError(f"the stream ended before {wanted}")


async def nobody_listens(world: World, *, told: Ended | None = None) -> None:
    """Wait until nobody does, and meanwhile go on telling."""
    async with asyncio.timeout(30):
        while world.events.is_full(1):
            if told:
                world.events(told)
            await asyncio.sleep(0.01)


def test_what_happens_is_heard_at_once() -> None:
    async def scenario() -> None:
        world = World()
        async with world.served() as client, listening(client) as lines:
            world.events(Ended(delivered("a1")))
            await until(lines, 'data: {"id":"a1"')
            world.events(Ended(missing("a2")))
            await until(lines, 'data: {"id":"a2"')

    asyncio.run(scenario())


@pytest.mark.parametrize("query, headers", [("?after=run1-1", {}), ("", {"Last-Event-ID": "run1-1"})])
def test_what_was_missed_is_heard_afterwards(query: str, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        world = World()
        world.events(Ended(delivered("a1")))
        world.events(Ended(delivered("a2")))
        async with world.served() as client, listening(client, query, **headers) as lines:
            await until(lines, "id: run1-2")

    asyncio.run(scenario())


def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)

    async def scenario() -> None:
        async with World().served() as client, listening(client) as lines:
            await until(lines, ": still here")
            await until(lines, ": still here")

    asyncio.run(scenario())


def test_a_stream_lasts_longer_than_any_other_answer_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ANSWER_WITHIN_SECONDS", 0.05)
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)

    async def scenario() -> None:
        async with World().served() as client, listening(client) as lines:
            for _ in range(5):
                await until(lines, ": still here")

    asyncio.run(scenario())


def test_a_listener_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ANSWER_WITHIN_SECONDS", 0.2)
    world = World()

    async def scenario() -> None:
        async with world.served() as client, asking(client):
            await nobody_listens(world, told=Ended(delivered("a" * 500_000)))

    asyncio.run(scenario())


def test_so_many_listen_and_no_more_while_health_keeps_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_LISTENERS", 3)

    async def scenario() -> None:
        async with World().served() as client, AsyncExitStack() as open_streams:
            for _ in range(3):
                await open_streams.enter_async_context(listening(client))
            refused = await client.get(EVENTS)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
            assert (await client.get("/health/vip/mta1")).status_code == 200

    asyncio.run(scenario())


def test_a_listener_that_goes_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_LISTENERS", 1)

    async def scenario() -> None:
        world = World()
        async with world.served() as client:
            async with listening(client):
                assert world.events.is_full(1)
            await nobody_listens(world)
            async with listening(client):
                pass

    asyncio.run(scenario())


def test_streams_make_room_before_answers_that_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(stream, "SHARE_OF_CONNECTIONS", 1)
    world = World(metrics=b"x" * 50_000_000)

    async def scenario() -> None:
        async with (
            world.served() as client,
            asking(client, "/metrics") as slow,
            asking(client) as first,
            asking(client) as second,
        ):
            assert (await client.get("/health/vip/mta1")).status_code == 200
            async with asyncio.timeout(10):
                with suppress(ConnectionResetError):
                    await first.read()
            assert (first.at_eof(), second.at_eof(), slow.at_eof()) == (True, False, False)

    asyncio.run(scenario())


def test_a_server_that_stops_ends_the_streams_at_once() -> None:
    async def scenario() -> float:
        async with AsyncExitStack() as open_stream:
            async with World().served() as client:
                reader = await open_stream.enter_async_context(asking(client))
                stopping = asyncio.get_running_loop().time()
            took = asyncio.get_running_loop().time() - stopping
            assert (await reader.read()).endswith(b"0\r\n\r\n")
        return took

    # Else uvicorn waits for three seconds, and cuts them off.
    assert asyncio.run(scenario()) < 2.5


def test_a_question_about_the_stream_is_answered_without_one() -> None:
    response = asyncio.run(World().ask(EVENTS, "HEAD"))
    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (200, "text/event-stream")


def test_a_bad_parameter_is_answered_400() -> None:
    response = asyncio.run(World().ask(f"{EVENTS}?colour=red"))
    assert (response.status_code, response.json()) == (
        400,
        {"error": "'colour' is no parameter; there are pool, member and after"},
    )
