"""Deferred probes wait for their next attempt: each by its own law, and those of a troubled member together."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from probe.engine.happenings import Attempted, Ended
from probe.engine.sending import Path
from probe.model.letter import Folder, Letter, Place
from probe.model.outcome import Outcome, Stage
from probe.model.reply import Ending
from probe.model.retry import next_attempt
from probe.model.settings import Retry
from probe.ports import Event
from tests.engine.fakes import NOON, attempt
from tests.engine.scene import SECOND, Scene, a_probe, message, on_scene, route, settings, way

RETRY = Retry(attempts=5, first=4 * SECOND, longest=60 * SECOND)
DEADLINE = 300 * SECOND
DEAD = (Ending.UNREACHABLE, Stage.CONNECT)
GREYLISTED = (Ending.REFUSED_FOR_NOW, Stage.RCPT)


def path(on: str = "mta1", name: str = "inbound", retry: Retry = RETRY) -> Path:
    return way(on, name=name, deadline=DEADLINE, retry=retry)


def seconds_sent(scene: Scene) -> list[float]:
    """Return when the member was dialled, in seconds from the start."""
    return [(sent.at - NOON).total_seconds() for sent in scene.sender.sent]


def outcomes(scene: Scene) -> list[Outcome]:
    return [ended.record.judgement.outcome for ended in scene.of(Ended) if ended.record.judgement]


async def events(scene: Scene, probe_id: str | None, kind: str) -> list[Event]:
    life = await scene.ledger.life(probe_id or "")
    assert life is not None
    return [event for event in life.events if event.kind == kind]


@on_scene
async def test_retries_of_a_dead_member_wait_together_while_its_turns_go_on(scene: Scene) -> None:
    # Given a member that is dead, and whose turns come every three seconds
    scene.sender.always["mta1"] = DEAD
    for slot in range(10):
        await scene.dispatcher.turn(path(), slot)
        await scene.advance(3)

    # Then nobody but the turns dialled it: each of them pushed its next try further away
    assert seconds_sent(scene) == [3.0 * slot for slot in range(10)]
    [setback] = scene.setbacks.standing(("vip", "mta1"), path().route)
    assert (setback.failures, setback.since) == (10, NOON)
    assert setback.next_try >= NOON + (27 + 60) * SECOND


@on_scene
async def test_without_turns_in_between_a_retry_dials_by_its_own_law(scene: Scene) -> None:
    scene.sender.always["mta1"] = DEAD
    probe_id = await scene.dispatcher.turn(path(), 1)
    await scene.advance(300)
    waits = [later.at - earlier.at for earlier, later in zip(scene.sender.sent, scene.sender.sent[1:], strict=False)]
    assert len(waits) == 4
    for number, waited in enumerate(waits):
        assert 4 * 2**number * SECOND <= waited <= 5 * 2**number * SECOND
    assert outcomes(scene) == [Outcome.UNREACHABLE]
    assert await events(scene, probe_id, "waits") == []


@on_scene
async def test_a_turn_that_gets_through_lets_the_waiting_retries_go_one_by_one(scene: Scene) -> None:
    # Given three probes of two routes that wait for a dead member
    scene.sender.script["mta1"] = [DEAD, DEAD, DEAD]
    for slot, name in enumerate(["inbound", "outbound", "inbound"]):
        await scene.dispatcher.turn(path(name=name), slot)
    await scene.advance(1)
    assert len(scene.sender.sent) == 3

    # When a turn gets through, and takes its time
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(path(), 7))
    await scene.advance(1)
    scene.sender.hanging["mta1"].set()
    scene.sender.hanging["mta1"] = asyncio.Event()
    await scene.advance(1)

    # Then one retry is on its way, the next one follows when it is done
    assert (len(scene.sender.sent), scene.dispatcher.transactions) == (5, 1)
    scene.sender.hanging.pop("mta1").set()
    await scene.advance(0)
    assert len(scene.sender.sent) == 7
    assert sorted(attempted.number for attempted in scene.of(Attempted)) == [1, 1, 1, 1, 2, 2, 2]
    assert scene.setbacks.standing(("vip", "mta1"), path().route) == []


@on_scene
async def test_the_first_retry_that_fails_stops_those_behind_it(scene: Scene) -> None:
    scene.sender.script["mta1"] = [DEAD, DEAD, DEAD, Ending.ACCEPTED, DEAD]
    for slot in range(3):
        await scene.dispatcher.turn(path(), slot)
    await scene.dispatcher.turn(path(), 3)
    await scene.advance(1)
    assert len(scene.sender.sent) == 5


@on_scene
async def test_a_turn_waits_behind_one_retry_at_most(scene: Scene) -> None:
    # Given many retries that may go at once, the first of which takes its time
    scene.sender.script["mta1"] = [DEAD] * 5
    for slot in range(5):
        await scene.dispatcher.turn(path(), slot)
    await scene.dispatcher.turn(path(), 5)
    scene.sender.hanging["mta1"] = asyncio.Event()
    await scene.advance(0)
    assert len(scene.sender.sent) == 7

    # When a turn comes
    scene.spawn(scene.dispatcher.turn(path(), 6))
    await scene.advance(0)
    scene.sender.hanging.pop("mta1").set()
    await scene.advance(0)

    # Then it goes next
    assert [attempted.number for attempted in scene.of(Attempted)][6:9] == [2, 1, 2]


@on_scene
async def test_the_verdict_on_a_dead_member_comes_no_later_than_its_probes_own_last_try(scene: Scene) -> None:
    # Given turns that push the next try far beyond
    scene.sender.always["mta1"] = DEAD
    probe_id = await scene.dispatcher.turn(path(retry=replace(RETRY, attempts=3)), 1)
    for slot in range(2, 5):
        await scene.advance(1)
        await scene.dispatcher.turn(path(), slot)

    # When
    await scene.advance(4 * 1.25 + 8 - 3)

    # Then
    ended = scene.of(Ended)[0].record
    assert (ended.probe.id, ended.attempts) == (probe_id, 1)
    assert ended.finished
    assert 12 * SECOND <= ended.finished - ended.probe.started <= 13 * SECOND
    assert outcomes(scene) == [Outcome.UNREACHABLE]
    [left_out] = await events(scene, probe_id, "left out")
    assert left_out.at == ended.finished
    assert left_out.text.endswith("no session since 2026-03-01T12:00:00Z, 4 times, last: unreachable")


@on_scene
async def test_why_a_retry_waits_and_until_when_is_told_in_its_life(scene: Scene) -> None:
    scene.sender.always["mta1"] = DEAD
    probe_id = await scene.dispatcher.turn(path(), 1)
    await scene.advance(1)
    await scene.dispatcher.turn(path(), 2)
    assert await events(scene, probe_id, "waits") == []
    await scene.advance(4)
    [waits] = await events(scene, probe_id, "waits")
    [setback] = scene.setbacks.standing(("vip", "mta1"), path().route)
    assert waits.text == (
        f"until {setback.next_try:%Y-%m-%dT%H:%M:%SZ}; "
        "no session since 2026-03-01T12:00:00Z, 2 times, last: unreachable"
    )


@on_scene
async def test_a_recipient_that_was_refused_is_asked_for_by_turns_only_until_its_time_has_come(scene: Scene) -> None:
    # Given two routes with one recipient, which every try delays
    scene.sender.always["mta1"] = GREYLISTED
    for slot in range(5):
        await scene.dispatcher.turn(path(name="inbound" if slot % 2 else "outbound"), slot)
        await scene.advance(3)
    assert len(scene.sender.sent) == 5

    # When a turn is accepted
    scene.sender.always.pop("mta1")
    await scene.dispatcher.turn(path(), 9)
    await scene.advance(0)

    # Then all the others are, at once
    assert len(scene.sender.sent) == 11
    assert {ended.attempts for ended in await scene.ledger.outstanding()} == {1, 2}
    assert scene.setbacks.standing(("vip", "mta1"), path().route) == []


@on_scene
async def test_retries_for_another_recipient_do_not_wait(scene: Scene) -> None:
    scene.sender.always["mta1"] = GREYLISTED
    other = replace(path(), route=replace(path().route, name="other", recipient="other@lab.test"))
    await scene.dispatcher.turn(other, 1)
    for slot in range(3):
        await scene.dispatcher.turn(path(), slot)
    await scene.advance(5)
    recipients = [sent.envelope.recipient for sent in scene.sender.sent]
    assert recipients.count("other@lab.test") == 2


@pytest.mark.parametrize("dead, retried", [(True, 0), (False, 20)])
@on_scene
async def test_many_retries_that_fell_due_while_nobody_ran_wait_for_the_first_turn(
    scene: Scene, dead: bool, retried: int
) -> None:
    # Given a member that was dead when the program was killed
    for number in range(20):
        probe = a_probe(number, at=NOON - 60 * SECOND, deadline=NOON + 240 * SECOND)
        await scene.ledger.claim(probe)
        failed = attempt(DEAD[0], stage=DEAD[1], began=probe.started)
        await scene.ledger.record_attempt(probe.id, failed, next_attempt=NOON - (20 - number) * SECOND)
    scene.sender.always["mta1"] = DEAD if dead else Ending.ACCEPTED

    # When
    retrying = route(deadline=DEADLINE, retry=RETRY, interval=timedelta(days=1))
    engine = scene.engine(settings("mta1", routes=(retrying,)))
    async with scene.working(engine, probing=True):
        [before] = engine.board.setbacks("vip", "mta1")
        await scene.advance(5)
        after = [setback.failures for setback in engine.board.setbacks("vip", "mta1")]

    # Then it went before them, and decided for all
    assert (before.failures, before.since) == (20, NOON - 60 * SECOND)
    numbers = [attempted.number for attempted in scene.of(Attempted)]
    assert numbers == [1] + [2] * retried
    assert after == ([21] if dead else [])


@on_scene
async def test_a_retry_that_was_let_go_after_its_probe_was_closed_sends_nothing(scene: Scene) -> None:
    scene.sender.script["mta1"] = [DEAD]
    probe_id = await scene.dispatcher.turn(path(), 1)
    record = await scene.record(probe_id or "")
    assert record.sending
    assert await scene.ledger.begin_retry(record.probe.id)
    await scene.dispatcher.turn(path(), 2)
    await scene.advance(300)
    assert len(scene.sender.sent) == 2


@on_scene
async def test_a_message_that_is_seen_while_its_retry_is_taken_ends_its_probe_once_and_after_the_retry(
    scene: Scene,
) -> None:
    # Given it was deferred after the final dot, and filed all the same
    scene.sender.script["mta1"] = [DEAD]
    probe_id = await scene.dispatcher.turn(path(), 1) or ""
    probe = (await scene.record(probe_id)).probe
    header, _, body = message(probe).partition(b"\r\n\r\n")
    place = Place("monitor", Folder.INBOX, 1, "1")
    letter = Letter(place, 2048, NOON, None, header + b"\r\n\r\n", body)
    scene.faults.meanwhile["begin_retry"] = lambda: scene.settler.take("monitor", [letter], rescan=False)

    # When
    await scene.advance(DEADLINE.total_seconds() + 1)

    # Then
    assert [type(each) for each in scene.told if isinstance(each, Attempted | Ended)] == [Attempted, Attempted, Ended]
    assert scene.flight.all() == []


@on_scene
async def test_no_retry_ever_crosses_a_final_dot_in_doubt(scene: Scene) -> None:
    # Given every way in which an attempt can end, at every stage
    fates = {f"{ending}-{stage}": (ending, stage) for ending, stage in product(Ending, Stage)}
    for name, fate in fates.items():
        scene.sender.script[name] = [fate]
        await scene.dispatcher.turn(path(name), 1)

    # When all the time that there is has passed
    await scene.advance(DEADLINE.total_seconds())

    # Then only what the member certainly does not own was sent again
    sent = [sent.member for sent in scene.sender.sent]
    again = {name for name in fates if sent.count(name) > 1}
    never_owned = {Ending.REFUSED_FOR_NOW, Ending.UNREACHABLE, Ending.NAMELESS}
    assert again == {name for name, (ending, _) in fates.items() if ending in never_owned}
    assert max(map(sent.count, fates)) == 2


@given(st.lists(st.sampled_from(Ending), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
@examples(max_examples=300, deadline=None)
def test_whatever_came_before_what_may_be_owned_is_the_end(endings: list[Ending], chance: float) -> None:
    now, deadline, made = NOON, NOON + DEADLINE, 0
    for number, ending in enumerate(endings, start=1):
        made = number
        due = next_attempt(attempt(ending), RETRY, number=number, now=now, deadline=deadline, chance=chance)
        if due is None:
            break
        assert now < due < deadline
        now = due
    assert made <= RETRY.attempts
    assert not {Ending.IN_DOUBT, Ending.ACCEPTED, Ending.REFUSED, Ending.NOT_TRIED} & set(endings[: made - 1])
