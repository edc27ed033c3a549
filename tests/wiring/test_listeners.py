"""Servers move: the new ones are open before the old ones go, and those say their last words first."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
import uvloop

from probe.model.settings import Listen
from probe.net.listening import bound
from probe.wiring.listeners import MOST_LEAVING, CannotListen, Listeners
from tests.balancers.haproxy import free_port

HOST = "127.0.0.1"


@dataclass(eq=False)
class Talker:
    """A server that tells its name, and whose last words end when it is told so."""

    name: str
    listen: Listen
    sockets: Sequence[socket.socket] = ()
    said_all: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        return int(self.sockets[0].getsockname()[1])

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        self.sockets = list(sockets) or await bound(self.listen)
        self._server = await asyncio.start_server(self._tell, sock=self.sockets[0])

    async def last_words(self) -> None:
        await self.said_all.wait()

    async def stop(self) -> None:
        assert self._server
        self._server.close()

    @property
    def stopped(self) -> bool:
        return self._server is not None and not self._server.is_serving()

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.name.encode())
        writer.close()


class Hall:
    """Listeners of two kinds, and all servers that there ever were."""

    def __init__(self) -> None:
        self.made: list[Talker] = []
        self.listeners = Listeners({kind: self._maker(kind) for kind in ("web", "agent")})

    def _maker(self, kind: str) -> Callable[[Listen], Talker]:
        def make(listen: Listen) -> Talker:
            self.made.append(Talker(kind, listen))
            return self.made[-1]

        return make

    async def move(self, *, web: int | None = None, agent: int | None = None) -> None:
        await self.listeners.move({"web": _at(web), "agent": _at(agent)})

    async def end(self) -> None:
        for server in self.made:
            server.said_all.set()
        await self.listeners.stop()
        await _settled()


def _at(port: int | None) -> Listen | None:
    return None if port is None else Listen(HOST, port)


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def who_answers(port: int) -> str:
    """Return the name of who listens, empty where nobody does."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except ConnectionRefusedError:
        return ""
    told = await reader.read()
    writer.close()
    return told.decode()


def in_a_hall(test: Callable[[Hall], Awaitable[None]]) -> Callable[[], None]:
    async def scenario() -> None:
        hall = Hall()
        try:
            await asyncio.wait_for(asyncio.ensure_future(test(hall)), 20)
        finally:
            await hall.end()

    def run() -> None:
        uvloop.run(scenario())

    run.__name__, run.__module__ = test.__name__, test.__module__
    return run


@in_a_hall
async def test_the_new_one_is_open_while_the_old_one_says_its_last_words(hall: Hall) -> None:
    old, new = free_port(HOST), free_port(HOST)
    await hall.move(agent=old)
    await hall.move(agent=new)
    assert (await who_answers(old), await who_answers(new)) == ("agent", "agent")
    assert hall.listeners.port("agent") == new
    hall.made[0].said_all.set()
    await _settled()
    assert (hall.made[0].stopped, await who_answers(new)) == (True, "agent")


@in_a_hall
async def test_one_that_is_removed_says_its_last_words_too(hall: Hall) -> None:
    port = free_port(HOST)
    await hall.move(agent=port)
    await hall.move()
    assert await who_answers(port) == "agent"
    assert hall.listeners.port("agent") is None
    hall.made[0].said_all.set()
    await _settled()
    assert hall.made[0].stopped


@in_a_hall
async def test_the_end_waits_for_last_words_and_leaves_nobody_behind(hall: Hall) -> None:
    await hall.move(web=0, agent=free_port(HOST))
    await hall.move(web=0)
    ending = asyncio.ensure_future(hall.listeners.stop())
    await _settled()
    assert not ending.done()
    hall.made[1].said_all.set()
    await ending
    assert [server.stopped for server in hall.made] == [True, True]


@in_a_hall
async def test_of_too_many_that_leave_the_first_ones_are_stopped(hall: Hall) -> None:
    for _ in range(MOST_LEAVING + 3):
        await hall.move(agent=free_port(HOST))
    await _settled()
    assert [server.stopped for server in hall.made] == [True] * 2 + [False] * (MOST_LEAVING + 1)


@in_a_hall
async def test_two_exchange_their_addresses_and_nobody_is_refused_meanwhile(hall: Hall) -> None:
    one, other = free_port(HOST), free_port(HOST)
    await hall.move(web=one, agent=other)
    await hall.move(web=other, agent=one)
    await _settled()
    assert [server.stopped for server in hall.made] == [True, True, False, False]
    assert (await who_answers(one), await who_answers(other)) == ("agent", "web")


@in_a_hall
async def test_an_exchange_of_which_a_part_fails_changes_nothing(hall: Hall) -> None:
    one, other = free_port(HOST), free_port(HOST)
    await hall.move(web=one, agent=other)
    with socket.create_server((HOST, 0)) as taken, pytest.raises(CannotListen):
        await hall.move(web=other, agent=taken.getsockname()[1])
    await _settled()
    assert (await who_answers(one), await who_answers(other)) == ("web", "agent")


@in_a_hall
async def test_one_that_comes_back_while_it_says_its_last_words_is_there_again(hall: Hall) -> None:
    port = free_port(HOST)
    await hall.move(agent=port)
    await hall.move()
    await hall.move(agent=port)
    await _settled()
    assert [server.stopped for server in hall.made] == [True, False]
    assert await who_answers(port) == "agent"


@in_a_hall
async def test_an_address_that_another_one_keeps_is_not_taken_from_it(hall: Hall) -> None:
    port = free_port(HOST)
    await hall.move(web=port)
    with pytest.raises(CannotListen, match=f"listens on {HOST}:{port}"):
        await hall.move(web=port, agent=port)


@in_a_hall
async def test_a_port_that_is_our_own_at_another_address_is_refused_with_what_to_do(hall: Hall) -> None:
    port = free_port(HOST)
    await hall.move(web=port)
    with pytest.raises(CannotListen) as refused:
        await hall.listeners.move({"web": Listen("0.0.0.0", port)})
    told = str(refused.value)
    assert told.startswith(f"cannot listen on 0.0.0.0:{port}: Address already in use")
    assert told.endswith(
        f"; this program still listens on {HOST}:{port}: move that to another port first, by a reload of its own"
    )
    assert await who_answers(port) == "web"
