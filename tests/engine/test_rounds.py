"""When members have their turns."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast

import pytest
from apscheduler.schedulers.base import BaseScheduler

from probe.engine import timekeeping
from probe.engine.rounds import CATCH_UP, Rounds
from probe.model.settings import Member, Route, Settings
from probe.model.slots import phase, round_at, turn
from probe.net.clock import SystemClock
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND, Scene, a_probe, member, on_scene, route, settings
from tests.engine.scheduling import FakeScheduler

HOUR = timedelta(hours=1)
INTERVAL = 60 * SECOND
ROUTE = route(interval=INTERVAL)
NAMES = ("mta1", "mta2", "mta3", "mta4")


class Running:
    """Rounds over a pool, begun."""

    def __init__(
        self,
        scene: Scene,
        *names: str,
        routes: tuple[Route, ...] = (ROUTE,),
        welcomed: bool = True,
        chance: float = 0.0,
        reuse: timedelta | None = None,
    ) -> None:
        self.scene = scene
        self.members: list[Member] = [member(name) for name in names]
        self.rounds = Rounds(
            keeping(settings(routes=routes), reuse),
            scene.dispatcher,
            members=lambda pool: self.members,
            clock=scene.clock,
            spawn=scene.spawn,
            scheduler=cast(BaseScheduler, FakeScheduler(scene.clock)),
            chance=lambda: chance,
        )
        self.rounds.start()
        scene.spawn(timekeeping.follow(scene.clock, self._clock_set))
        if welcomed:
            self.rounds.welcome("vip", self.members)

    async def _clock_set(self, step: timedelta) -> None:
        self.rounds.plan_anew()

    @property
    def turns(self) -> dict[str, list[datetime]]:
        turns = defaultdict(list)
        for sent in self.scene.sender.sent:
            turns[sent.member].append(sent.at)
        return turns


def keeping(asked: Settings, reuse: timedelta | None) -> Settings:
    """Let the connections to all members be kept for so long."""
    pools = {name: replace(pool, smtp=replace(pool.smtp, reuse=reuse)) for name, pool in asked.pools.items()}
    return replace(asked, pools=pools)


def due(number: int, name: str) -> datetime:
    return turn(number, INTERVAL, route=ROUTE.name, member=name)


@on_scene
async def test_each_member_has_its_turn_once_an_interval_at_its_own_moment(scene: Scene) -> None:
    running = Running(scene, *NAMES)
    await scene.advance(5 * 60 - 0.001)
    first = round_at(NOON, INTERVAL)
    assert running.turns.keys() == set(NAMES)
    for name, moments in running.turns.items():
        assert moments == [due(number, name) for number in range(first, first + 5)]
    assert len({phase(ROUTE.name, name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    "interval, late", [(INTERVAL, SECOND), (10 * SECOND, 0.2 * SECOND)], ids=["a second at most", "a fiftieth"]
)
@on_scene
async def test_a_turn_comes_a_little_later_by_chance(scene: Scene, interval: timedelta, late: timedelta) -> None:
    asked = route(interval=interval)
    running = Running(scene, "mta1", routes=(asked,), welcomed=False, chance=1.0)
    await scene.advance(2 * interval.total_seconds() + 1)
    number = round_at(NOON, interval)
    assert running.turns["mta1"][0] == turn(number, interval, route=asked.name, member="mta1") + late


@on_scene
async def test_turns_that_passed_before_the_start_are_made_up_for_soon(scene: Scene) -> None:
    start = NOON + 50 * SECOND
    await scene.advance(50)
    running = Running(scene, *NAMES)
    await scene.advance(9)
    number = round_at(NOON, INTERVAL)
    late = [name for name in NAMES if due(number, name) < start]
    assert late
    for name in late:
        assert start <= running.turns[name][0] <= start + CATCH_UP
    slots = {record.probe.member: record.probe.slot for record in await scene.ledger.outstanding()}
    assert all(slots[name] == number for name in late)


@on_scene
async def test_a_round_that_was_run_before_a_restart_is_not_run_again(scene: Scene) -> None:
    Running(scene, *NAMES)
    await scene.advance(59.9)
    await scene.end()
    scene.dispatcher = scene.new_dispatcher()
    Running(scene, *NAMES)
    await scene.advance(0.05)
    assert len(scene.sender.sent) == len(NAMES)


@on_scene
async def test_a_member_that_is_new_takes_part_at_once_and_one_that_went_does_no_more(scene: Scene) -> None:
    running = Running(scene, "mta1")
    await scene.advance(60)
    running.members = [member("mta2")]
    running.rounds.welcome("vip", running.members)
    await scene.advance(180)
    went, came = running.turns["mta1"], running.turns["mta2"]
    # The turn that was planned when its round began may still come.
    assert len(went) <= 2
    assert came[0] < NOON + 120 * SECOND
    assert len(came) == 3


@on_scene
async def test_a_member_that_comes_back_within_a_round_has_had_its_turn(scene: Scene) -> None:
    running = Running(scene, "mta1")
    await scene.advance(59.9)
    running.rounds.welcome("vip", running.members)
    await scene.advance(0.09)
    assert len(running.turns["mta1"]) == 1


@on_scene
async def test_another_pools_members_take_no_part(scene: Scene) -> None:
    running = Running(scene, welcomed=False)
    running.rounds.welcome("other", [member("mta1", "other")])
    await scene.advance(59)
    assert scene.sender.sent == []


@on_scene
async def test_a_member_that_hangs_delays_nobody(scene: Scene) -> None:
    scene.sender.hanging["mta2"] = asyncio.Event()
    running = Running(scene, *NAMES)
    await scene.advance(2 * 60 - 0.001)
    first = round_at(NOON, INTERVAL)
    for name in NAMES:
        assert running.turns[name] == [due(first, name), due(first + 1, name)]


@pytest.mark.parametrize("by", [-HOUR, HOUR, -48 * HOUR, -15 * INTERVAL, -1.5 * INTERVAL])
@on_scene
async def test_turns_go_on_when_the_clock_is_set(scene: Scene, by: timedelta) -> None:
    # Given
    running = Running(scene, "mta1")
    await scene.advance(20 * 60)
    before = len(running.turns["mta1"])
    assert before == 20

    # When
    scene.clock.set_wall(by)
    await scene.advance(10 * 60)

    # Then there is a turn every interval, but for the one in which the clock was set
    after = running.turns["mta1"][before:]
    assert 9 <= len(after) <= 11
    assert all(later - earlier <= 2 * INTERVAL for earlier, later in pairwise(after))
    assert [later - earlier for earlier, later in pairwise(after)].count(INTERVAL) >= 8


@on_scene
async def test_turns_go_on_when_the_clock_was_set_back_before_a_restart(scene: Scene) -> None:
    # Given the rounds to come are in the ledger already
    before = Running(scene, "mta1")
    await scene.advance(20 * 60)
    before.rounds.stop()
    taken = [record.probe for record in await scene.ledger.outstanding()]
    scene.clock.set_wall(-15 * INTERVAL)
    scene.clock.stepped()

    # When
    running = Running(scene, "mta1", welcomed=False)
    running.rounds.restore(taken)
    await scene.advance(25 * 60)

    # Then
    after = running.turns["mta1"][len(taken) :]
    assert 24 <= len(after) <= 25
    slots = {record.probe.slot for record in await scene.ledger.outstanding()}
    assert round_at(scene.clock.now(), INTERVAL) - 1 in slots, (
        "rounds that nobody has taken are claimed by their number"
    )


@on_scene
async def test_what_another_process_has_begun_just_now_is_left_to_it_after_a_restart(scene: Scene) -> None:
    await scene.advance(30)
    running = Running(scene, "mta1", welcomed=False)
    number = round_at(NOON, INTERVAL) + 1
    probe = a_probe(at=due(number, "mta1"), slot=number)
    assert await scene.ledger.claim(probe)
    running.rounds.restore([probe])
    await scene.advance(89)
    assert running.turns["mta1"] == []


@on_scene
async def test_after_the_end_no_round_begins(scene: Scene) -> None:
    running = Running(scene, "mta1")
    await scene.advance(60)
    running.rounds.stop()
    running.rounds.stop()
    await scene.advance(600)
    assert len(running.turns["mta1"]) <= 2


@on_scene
async def test_two_routes_over_one_member_have_each_their_turns(scene: Scene) -> None:
    Running(scene, "mta1", routes=(ROUTE, route("outbound", interval=2 * INTERVAL)))
    await scene.advance(4 * 60 - 0.001)
    subjects = Counter(record.probe.route for record in await scene.ledger.outstanding())
    assert subjects == {"inbound": 4, "outbound": 2}


@pytest.mark.parametrize("reuse, moments", [(None, 2), (60 * SECOND, 1)], ids=["not kept", "kept"])
@on_scene
async def test_routes_meet_at_a_member_whose_connection_is_kept(
    scene: Scene, reuse: timedelta | None, moments: int
) -> None:
    asked = [route(name=name, interval=INTERVAL) for name in ("inbound", "junk")]
    running = Running(scene, *NAMES, routes=tuple(asked), welcomed=False, chance=0.5, reuse=reuse)
    await scene.advance(2 * 60)
    for turns in running.turns.values():
        number = round_at(turns[0], INTERVAL)
        assert len({at for at in turns if round_at(at, INTERVAL) == number}) == moments
    assert len({turns[0] for turns in running.turns.values()}) == len(NAMES)


@on_scene
async def test_the_real_scheduler_begins_the_rounds(scene: Scene) -> None:
    # Given
    members = [member("mta1")]
    quick = route(interval=0.2 * SECOND)
    rounds = Rounds(
        settings(routes=(quick,)),
        scene.dispatcher,
        members=lambda pool: members,
        clock=SystemClock(),
        spawn=scene.spawn,
    )

    # When
    rounds.start()
    for _ in range(200):
        await asyncio.sleep(0.02)
        if len(scene.sender.sent) == 3:
            break
    rounds.stop()

    # Then
    slots = sorted(record.probe.slot for record in await scene.ledger.outstanding())
    assert len(slots) >= 3
    assert len(set(slots)) == len(slots)


@on_scene
async def test_a_stop_at_the_moment_of_a_round_is_no_error(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    quick = route(interval=0.2 * SECOND)
    rounds = Rounds(
        settings(routes=(quick,)), scene.dispatcher, members=lambda pool: [], clock=SystemClock(), spawn=scene.spawn
    )
    rounds.start()
    await asyncio.sleep(0)

    asyncio.get_running_loop().call_later(0.21, rounds.stop)
    time.sleep(0.3)  # noqa: ASYNC251 - it is a busy loop, on which the round and the stop come due at once
    await asyncio.sleep(0.05)

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
