"""When an endpoint is told what: until it has taken it, again where it forgets, and never in a rush."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from probe.model.alarm import Alarm
from probe.model.settings import Notify, NotifyKind
from probe.notify.endpoint import MOST_AT_ONCE, Counts, Endpoint
from probe.notify.posting import NotPosted
from tests.engine.fakes import FakeClock
from tests.notify.alarms import NOON, ORIGIN, down

AFTER = timedelta(seconds=10)
URL = "https://hooks.example.org/secret-in-the-path"


class Desk:
    """An endpoint, and everything that it was told."""

    def __init__(self, kind: NotifyKind) -> None:
        self.clock = FakeClock()
        self.counts = Counts()
        self.refusing: str | None = None
        self.posts: list[tuple[float, list[str]]] = []
        """The seconds since the beginning, and the alarms: with a - in front where they are over."""
        self.endpoint = Endpoint(Notify(URL, kind, AFTER), self.counts, clock=self.clock, post=self._post)
        self.tried: list[float] = []
        self._began = self.clock.now()

    async def tell(self, *alarms: Alarm) -> None:
        await self.endpoint.tell(alarms, ORIGIN)

    async def tell_of_others(self, *alarms: Alarm) -> None:
        """Let time pass in which nobody is to hear of these."""
        for _ in range(30):
            await self.clock.advance(1)
            await self.endpoint.tell(alarms, ORIGIN, silent=lambda key: True)

    async def pass_time_in_doubt(self, seconds: int) -> None:
        """Let time pass in which nobody can tell what is wrong."""
        for _ in range(seconds):
            await self.clock.advance(1)
            await self.endpoint.tell((), ORIGIN, in_doubt=lambda key: True)

    async def pass_time(self, seconds: int, *alarms: Alarm) -> None:
        """Let time pass, in which these are wrong, looked at every second."""
        for _ in range(seconds):
            await self.clock.advance(1)
            await self.tell(*alarms)

    async def _post(self, to: Notify, body: bytes) -> None:
        self.tried.append((self.clock.now() - self._began).total_seconds())
        if self.refusing:
            raise NotPosted(self.refusing)
        told: Any = json.loads(body)
        alerts = told if isinstance(told, list) else told["alerts"]
        now = self.clock.now()
        names = ["-" * _is_over(alert, now.isoformat()) + alert["labels"]["member"] for alert in alerts]
        self.posts.append(((now - self._began).total_seconds(), names))


def lasting(member: str = "mta1") -> Alarm:
    """An alarm that has lasted long before anybody looked."""
    return replace(down(member), since=NOON - timedelta(hours=1))


def noticed(member: str = "mta1") -> Alarm:
    """An alarm that begins when it is first looked at."""
    return replace(down(member), since=None)


def _is_over(alert: dict[str, Any], now: str) -> bool:
    return bool(alert["endsAt"] <= now and not alert["endsAt"].startswith("0001"))


def at_a_desk(test: Callable[[Desk], Awaitable[None]]) -> Callable[[NotifyKind], None]:
    """Run a test for each kind of endpoint."""

    def run(kind: NotifyKind) -> None:
        asyncio.run(asyncio.wait_for(_awaited(test(Desk(kind))), 20))

    run.__name__ = test.__name__
    run.__module__ = test.__module__
    return pytest.mark.parametrize("kind", NotifyKind)(run)


async def _awaited(test: Awaitable[None]) -> None:
    await test


@at_a_desk
async def test_what_has_lasted_is_told_once_and_so_is_its_end(desk: Desk) -> None:
    await desk.pass_time(30, noticed())
    await desk.pass_time(30)
    assert desk.posts == [(11, ["mta1"]), (41, ["-mta1"])]
    assert desk.counts.posted[desk.endpoint.settings.kind] == 2


@at_a_desk
async def test_what_does_not_last_is_never_told(desk: Desk) -> None:
    await desk.pass_time(10, noticed())
    await desk.pass_time(30)
    assert desk.posts == []


@at_a_desk
async def test_an_endpoint_that_takes_nothing_is_tried_more_and_more_seldom(desk: Desk) -> None:
    desk.refusing = "it answered 500"
    await desk.pass_time(200, lasting())
    assert [later - sooner for sooner, later in pairwise(desk.tried)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert desk.counts.failures[desk.endpoint.settings.kind] == len(desk.tried)


@at_a_desk
async def test_what_is_set_aside_is_told_when_it_is_no_longer_if_it_still_lasts(desk: Desk) -> None:
    await desk.tell_of_others(lasting())
    assert desk.posts == []
    await desk.pass_time(1, lasting())
    assert desk.posts == [(31, ["mta1"])]


@at_a_desk
async def test_what_ends_while_it_is_set_aside_is_over_when_it_is_no_longer(desk: Desk) -> None:
    await desk.pass_time(1, lasting())
    await desk.tell_of_others()
    assert desk.posts == [(1, ["mta1"])]
    await desk.pass_time(1)
    assert desk.posts[1:] == [(32, ["-mta1"])]


@at_a_desk
async def test_what_begins_and_ends_while_it_is_set_aside_is_never_told(desk: Desk) -> None:
    await desk.tell_of_others(lasting())
    await desk.tell_of_others()
    await desk.pass_time(30)
    assert desk.posts == []


@at_a_desk
async def test_that_nobody_can_tell_any_more_is_no_end(desk: Desk) -> None:
    await desk.pass_time(1, lasting())
    await desk.pass_time_in_doubt(40)
    assert desk.posts == [(1, ["mta1"])]
    await desk.pass_time(11)
    assert desk.posts[1:] == [(52, ["-mta1"])]


@at_a_desk
async def test_after_a_restart_the_end_is_told_of_what_was_told_before(desk: Desk) -> None:
    desk.endpoint.restore([lasting("mta1"), lasting("mta2")])
    await desk.pass_time(20, lasting("mta2"))
    assert desk.posts[-1] == (11, ["-mta1"])
    assert [alarm.key for alarm in desk.endpoint.told] == [lasting("mta2").key]


def test_after_a_restart_only_who_forgets_hears_again_what_was_told_before() -> None:
    async def told(kind: NotifyKind) -> list[float]:
        desk = Desk(kind)
        desk.endpoint.restore([lasting()])
        await desk.pass_time(30, lasting())
        return [seconds for seconds, _ in desk.posts]

    assert asyncio.run(told(NotifyKind.ALERTMANAGER)) == [1]
    assert asyncio.run(told(NotifyKind.WEBHOOK)) == []


def test_trouble_is_logged_once_without_the_path_of_the_url(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        desk = Desk(NotifyKind.WEBHOOK)
        desk.refusing = "it answered 500"
        await desk.pass_time(20, lasting())
        desk.refusing = None
        await desk.pass_time(20, lasting())

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "notifications are not taken; they are tried again",
        "notifications are taken again",
    ]
    assert {vars(record)["host"] for record in caplog.records} == {"hooks.example.org"}


@at_a_desk
async def test_what_was_not_taken_is_told_as_it_is_when_it_can_be(desk: Desk) -> None:
    desk.refusing = "it is dead"
    await desk.pass_time(1, lasting("mta1"), lasting("mta2"))
    await desk.pass_time(12, lasting("mta2"), lasting("mta3"))
    desk.refusing = None
    await desk.pass_time(20, lasting("mta2"), lasting("mta3"))
    assert desk.posts == [(16, ["mta2", "mta3"])]  # nobody hears the end of what he never heard of


@at_a_desk
async def test_a_crowd_of_alarms_is_told_in_several_posts(desk: Desk) -> None:
    await desk.tell(*(lasting(f"mta{number}") for number in range(MOST_AT_ONCE + 1)))
    assert [len(names) for _, names in desk.posts] == [MOST_AT_ONCE, 1]


def test_alertmanager_is_reminded_every_minute_and_a_webhook_is_not() -> None:
    async def told(kind: NotifyKind) -> list[float]:
        desk = Desk(kind)
        await desk.pass_time(150, lasting())
        return [seconds for seconds, _ in desk.posts]

    assert asyncio.run(told(NotifyKind.ALERTMANAGER)) == [1, 61, 121]
    assert asyncio.run(told(NotifyKind.WEBHOOK)) == [1]


@at_a_desk
async def test_a_clock_that_is_set_back_makes_no_pause_longer(desk: Desk) -> None:
    desk.refusing = "it is dead"
    await desk.pass_time(1, lasting())
    desk.refusing = None
    desk.clock.set_wall(timedelta(hours=-2))
    desk.clock.stepped()
    await desk.pass_time(5, lasting())
    assert len(desk.posts) == 1


def test_what_was_over_long_ago_is_forgotten_though_nobody_took_it() -> None:
    async def scenario() -> None:
        desk = Desk(NotifyKind.WEBHOOK)
        await desk.tell(lasting())
        desk.refusing = "it is dead"
        await desk.pass_time(30)
        await desk.clock.advance(86_400)
        await desk.tell()
        desk.refusing = None
        await desk.pass_time(100)
        assert desk.posts == [(0, ["mta1"])]

    asyncio.run(scenario())
