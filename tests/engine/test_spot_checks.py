"""Members asked on demand: in the pauses between their transactions, one at a time, few in all."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine.spot_checks import GOOD_FOR, MOST_AT_ONCE, NoTurn, SpotChecks
from probe.model.outcome import Outcome
from probe.model.reply import Ending
from probe.model.spot_check import SpotCheck
from tests.engine.fakes import NOON, attempt
from tests.engine.scene import SECOND, Scene, on_scene, way

WITHIN = 10 * SECOND


def checks(scene: Scene) -> SpotChecks:
    return SpotChecks(scene.dispatcher, scene.sender, clock=scene.clock)


@on_scene
async def test_a_member_is_asked_at_once_with_the_envelope_that_it_knows(scene: Scene) -> None:
    check = await checks(scene).check(way(), within=WITHIN)
    [asked] = scene.sender.asked
    assert (asked.envelope.sender, asked.envelope.recipient) == ("probe@lab.test", "monitor@lab.test")
    assert asked.until == NOON + WITHIN
    assert (check.outcome, scene.sender.sent, scene.told) == (Outcome.ACCEPTED, [], [])


@on_scene
async def test_it_waits_for_the_transaction_that_goes_on_and_has_the_time_that_is_left(scene: Scene) -> None:
    # Given
    release = scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(0)

    # When
    check = scene.spawn(checks(scene).check(way(), within=WITHIN))
    await scene.advance(4)
    assert scene.sender.asked == []
    release.set()
    await scene.advance(1)

    # Then
    assert (await check).took == timedelta(0)
    assert [asked.until for asked in scene.sender.asked] == [NOON + WITHIN]


@on_scene
async def test_a_member_that_is_never_free_in_time_is_not_asked(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(0)
    check = scene.spawn(checks(scene).check(way(), within=3 * SECOND))
    await scene.advance(4)
    with pytest.raises(NoTurn, match="other transactions with vip/mta1 left no turn"):
        await check
    assert scene.sender.asked == []


@on_scene
async def test_a_turn_waits_for_the_check_that_goes_on_and_is_not_skipped(scene: Scene) -> None:
    # Given
    release = scene.sender.hanging["mta1"] = asyncio.Event()
    check = scene.spawn(checks(scene).check(way(), within=WITHIN))
    await scene.advance(1)

    # When
    turn = scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)
    assert scene.sender.sent == []
    release.set()
    await scene.advance(0)

    # Then
    assert (await check).took == 2 * SECOND
    assert await turn
    assert [sent.at for sent in scene.sender.sent] == [NOON + 2 * SECOND]


@on_scene
async def test_who_asks_the_same_shortly_after_hears_the_same(scene: Scene) -> None:
    asked = checks(scene)
    first = await asked.check(way(), within=WITHIN)
    await scene.advance(GOOD_FOR.total_seconds() - 0.01)
    assert await asked.check(way(), within=WITHIN) is first
    await scene.advance(0.01)
    assert await asked.check(way(), within=WITHIN) is not first


@on_scene
async def test_another_route_is_another_question(scene: Scene) -> None:
    asked, other = checks(scene), replace(way(), route=replace(way().route, name="other"))
    assert await asked.check(way(), within=WITHIN) is not await asked.check(other, within=WITHIN)


@on_scene
async def test_many_who_ask_at_the_same_time_share_one_answer(scene: Scene) -> None:
    release = scene.sender.hanging["mta1"] = asyncio.Event()
    asked = checks(scene)
    waiting = [scene.spawn(asked.check(way(), within=WITHIN)) for _ in range(5)]
    await scene.advance(1)
    release.set()
    await scene.advance(0)
    assert len({id(await check) for check in waiting}) == 1
    assert len(scene.sender.asked) == 1


@on_scene
async def test_those_beyond_the_bound_are_turned_away_at_once(scene: Scene) -> None:
    release = scene.sender.hanging["mta1"] = asyncio.Event()
    asked = checks(scene)
    waiting = [scene.spawn(asked.check(way(), within=WITHIN)) for _ in range(MOST_AT_ONCE)]
    await scene.advance(1)
    with pytest.raises(NoTurn, match="64 other checks"):
        await asked.check(way(), within=WITHIN)
    release.set()
    await asyncio.gather(*waiting)
    await asked.check(way(), within=WITHIN)


@on_scene
async def test_nothing_is_asked_any_more_when_the_probe_stops(scene: Scene) -> None:
    scene.dispatcher.finish()
    with pytest.raises(NoTurn, match="stopped"):
        await checks(scene).check(way(), within=WITHIN)
    assert scene.sender.asked == []


@pytest.mark.parametrize(
    "ending, expected, only_asks, outcome, succeeded",
    [
        (Ending.ACCEPTED, Outcome.DELIVERED, False, Outcome.ACCEPTED, True),
        (Ending.ACCEPTED, Outcome.REJECTED, False, Outcome.ACCEPTED, True),  # it may be refused at DATA
        (Ending.ACCEPTED, Outcome.REJECTED, True, Outcome.ACCEPTED, False),
        (Ending.ACCEPTED, Outcome.ACCEPTED, True, Outcome.ACCEPTED, True),
        (Ending.REFUSED, Outcome.REJECTED, True, Outcome.REJECTED, True),
        (Ending.REFUSED, Outcome.DELIVERED, False, Outcome.REJECTED, False),
        (Ending.REFUSED_FOR_NOW, Outcome.DELIVERED, False, Outcome.DEFERRED, False),
        (Ending.UNREACHABLE, Outcome.DELIVERED, False, Outcome.UNREACHABLE, False),
        (Ending.NOT_TRIED, Outcome.DELIVERED, False, Outcome.UNKNOWN, False),
    ],
)
def test_what_a_check_proves_depends_on_what_its_route_expects(
    ending: Ending, expected: Outcome, only_asks: bool, outcome: Outcome, succeeded: bool
) -> None:
    path = way(expect=expected, only_asks=only_asks)
    check = SpotCheck(path.member, path.route, path.smtp, attempt(ending), SECOND)
    assert (check.outcome, check.succeeded) == (outcome, succeeded)
