"""Endpoints come and go with the config; those that stay go on where they were."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.engine.board import Board
from probe.engine.happenings import Judged
from probe.model.outcome import State
from probe.model.secret import Secret
from probe.model.settings import Listen, Notify, ServerTls, Web, WebFile
from probe.model.verdict import Verdict
from probe.notify import Notifier
from tests.engine.fakes import FakeClock
from tests.metrics.boards import NOW, fresh_board, settings
from tests.notify.alarms import MemoryByHand

FIRST = Notify("http://127.0.0.1/first", after=timedelta())
SECOND = Notify("http://127.0.0.1/second", after=timedelta(), link="https://probe.example.org")
DOWN = Judged("vip", "mta1", Verdict(State.DOWN, "so it is", NOW), None)


class Hall:
    """A notifier that follows a board, and everything that it posted."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.posts: list[tuple[str, bytes]] = []
        self.board = self.fresh_board()
        self.hanging: set[str] = set()
        self.broken = False
        self.memory = MemoryByHand()
        self.notifier = self.fresh_notifier()

    def fresh_notifier(self) -> Notifier:
        return Notifier(lambda: self.board, lambda: self.memory, clock=self.clock, post=self._post)

    def fresh_board(self) -> Board:
        return fresh_board(replace(settings(), web=Web(Listen("192.0.2.50", 9847))))

    def heard(self) -> list[str]:
        return [url.rpartition("/")[2] for url, _ in self.posts]

    async def _post(self, to: Notify, body: bytes) -> None:
        if self.broken:
            self.broken = False
            raise RuntimeError("nobody thought of this")
        if to.url in self.hanging:
            await asyncio.Event().wait()
        self.posts.append((to.url, body))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


def test_every_endpoint_is_told_with_where_people_can_look() -> None:
    async def scenario() -> None:
        hall = Hall()
        hall.board(DOWN)
        hall.notifier.follow([FIRST, SECOND])
        await hall.clock.advance(1)
        bodies = dict(hall.posts)
        assert b'"generatorURL":"http://192.0.2.50:9847/health/vip/mta1"' in bodies[FIRST.url]
        assert b'"generatorURL":"https://probe.example.org/health/vip/mta1"' in bodies[SECOND.url]
        await hall.notifier.stop()

    run(scenario())


def test_a_link_to_pages_with_tls_is_one() -> None:
    async def scenario() -> None:
        hall = Hall()
        web_file = WebFile(Path("web.yml"), (), tls=ServerTls("", Secret("")))
        hall.board = fresh_board(replace(settings(), web=Web(Listen("192.0.2.50", 9847), file=web_file)))
        hall.board(DOWN)
        hall.notifier.follow([FIRST])
        await hall.clock.advance(1)
        assert b'"generatorURL":"https://192.0.2.50:9847/health/vip/mta1"' in dict(hall.posts)[FIRST.url]
        await hall.notifier.stop()

    run(scenario())


def test_an_endpoint_that_hangs_holds_up_no_other() -> None:
    async def scenario() -> None:
        hall = Hall()
        hall.hanging.add(FIRST.url)
        hall.board(DOWN)
        hall.notifier.follow([FIRST, SECOND])
        await hall.clock.advance(1)
        assert hall.heard() == ["second"]
        await hall.notifier.stop()

    run(scenario())


def test_after_a_reload_those_who_know_are_not_told_again_and_new_ones_are() -> None:
    async def scenario() -> None:
        hall = Hall()
        hall.board(DOWN)
        hall.notifier.follow([FIRST])
        await hall.clock.advance(1)
        hall.board = hall.fresh_board()
        hall.board(DOWN)
        hall.notifier.follow([replace(FIRST), SECOND])
        await hall.clock.advance(10)
        assert hall.heard() == ["first", "second"]
        await hall.notifier.stop()

    run(scenario())


def test_after_a_restart_an_end_is_told_that_came_meanwhile() -> None:
    async def scenario() -> None:
        # Given
        hall = Hall()
        hall.board(DOWN)
        hall.notifier.follow([FIRST])
        await hall.clock.advance(1)
        await hall.notifier.stop()

        # When it was repaired while nobody watched
        hall.board = hall.fresh_board()
        hall.board(replace(DOWN, verdict=Verdict(State.UP, "fine", NOW)))
        again = hall.fresh_notifier()
        again.follow([FIRST])
        await hall.clock.advance(1)
        await again.stop()

        # Then
        assert [b'"status":"resolved","receiver"' in body for _, body in hall.posts] == [False, True]
        assert list(hall.memory.told.values()) == [[]]

    run(scenario())


def test_who_is_no_longer_in_the_config_is_told_nothing_more() -> None:
    async def scenario() -> None:
        hall = Hall()
        hall.notifier.follow([FIRST])
        await hall.clock.advance(1)
        hall.notifier.follow([])
        hall.board(DOWN)
        await hall.clock.advance(timedelta(minutes=10).total_seconds())
        assert hall.posts == []

    run(scenario())


def test_a_fault_of_our_own_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        hall = Hall()
        hall.broken = True
        hall.board(DOWN)
        hall.notifier.follow([FIRST])
        await hall.clock.advance(5)
        assert hall.heard() == ["first"]
        await hall.notifier.stop()

    run(scenario())
    assert [record.getMessage() for record in caplog.records] == ["notifying itself failed"]
