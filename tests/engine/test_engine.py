"""All loops under one owner."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine.engine import DRAIN, Engine
from probe.engine.happenings import Ended, FolderRead, Happening, Judged, Started
from probe.engine.once import one_round
from probe.model.judge import GRACE
from probe.model.letter import Sighting
from probe.model.outcome import Outcome, State
from probe.model.probe import Judgement
from probe.model.reply import Ending
from probe.model.settings import Retry, Route, Settings
from probe.model.verdict import Verdict
from probe.ports import DiscoveryTrouble, Finder, LedgerTrouble, News
from tests.engine.fakes import NOON, FakeFinder, attempt
from tests.engine.scene import DEADLINE, SECOND, Scene, a_probe, message, on_scene, route, settings, way

FOUR = ("mta1", "mta2", "mta3", "mta4")


def outcomes(scene: Scene) -> dict[str, list[Outcome]]:
    """Return how the probes of each member ended."""
    told: dict[str, list[Outcome]] = {}
    for ended in scene.of(Ended):
        assert ended.record.judgement
        told.setdefault(ended.record.probe.member, []).append(ended.record.judgement.outcome)
    return told


async def turn(engine: Engine, slot: int, *names: str) -> None:
    for name in names:
        await engine.dispatcher.turn(way(name), slot)


@on_scene
async def test_a_message_goes_round(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine):
        await turn(engine, 1, *FOUR)
        await scene.advance(1)
        assert outcomes(scene) == {name: [Outcome.DELIVERED] for name in FOUR}
        await scene.advance(31)
    assert not any(scene.mailbox.stored.values())


@on_scene
async def test_what_is_discarded_is_missing_right_after_its_deadline_and_only_that_member_goes_down(
    scene: Scene,
) -> None:
    scene.discarding = {"mta3"}
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine):
        for slot in range(3):
            await turn(engine, slot, *FOUR)
            await scene.advance(5)
        assert outcomes(scene)["mta3"] == [Outcome.MISSING]
        [missing] = [ended.record for ended in scene.of(Ended) if ended.record.probe.member == "mta3"]
        assert missing.finished
        assert missing.finished - missing.probe.deadline < SECOND / 10
        await scene.advance(11)
        states = {name: engine.board.verdict("vip", name).state for name in FOUR}
        assert states == {name: State.DOWN if name == "mta3" else State.UP for name in FOUR}


@on_scene
async def test_messages_in_flight_at_a_crash_are_settled_after_the_next_start(scene: Scene) -> None:
    # Given one is on its way, another was cut off
    for number in (1, 2):
        await scene.ledger.claim(a_probe(number))
    await scene.ledger.record_attempt(a_probe(1).id, attempt(), next_attempt=None)
    await scene.advance(5)

    # When
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        assert engine.board.path("vip", "mta1", "inbound").in_flight == 2
        scene.mailbox.deliver(message(a_probe(1)))
        await scene.advance(DEADLINE.total_seconds())

    # Then
    assert outcomes(scene) == {"mta1": [Outcome.DELIVERED, Outcome.UNKNOWN]}
    figures = engine.board.path("vip", "mta1", "inbound")
    assert (figures.started, figures.in_flight) == (2, 0)


@on_scene
async def test_what_was_seen_before_a_crash_is_closed_at_the_next_start(scene: Scene) -> None:
    # Given
    await scene.ledger.claim(a_probe())
    await scene.ledger.record_attempt(a_probe().id, attempt(), next_attempt=None)
    place = scene.mailbox.deliver(message(a_probe()))
    await scene.ledger.sight(Sighting(a_probe().id, place, NOON + SECOND, None, 100), rescan=False)

    # When
    async with scene.working(scene.engine(settings("mta1"))):
        await scene.advance(0)

    # Then
    assert outcomes(scene) == {"mta1": [Outcome.DELIVERED]}


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
@on_scene
async def test_what_was_in_flight_when_the_clock_was_set_is_unknown_and_what_comes_after_is_judged(
    scene: Scene, by: timedelta
) -> None:
    # Given
    scene.discarding = {"mta1"}
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        await turn(engine, 1, "mta1")
        await scene.advance(2)

        # When
        scene.clock.set_wall(by)
        await scene.advance(3)

        # Then
        assert outcomes(scene) == {"mta1": [Outcome.UNKNOWN]}
        await turn(engine, 2, "mta1")
        await scene.advance(DEADLINE.total_seconds() + 1)
    assert outcomes(scene) == {"mta1": [Outcome.UNKNOWN, Outcome.MISSING]}


@on_scene
async def test_a_probe_of_a_mailbox_that_is_no_longer_configured_ends_as_unknown(scene: Scene) -> None:
    await scene.ledger.claim(replace(a_probe(), mailbox="former"))
    async with scene.working(scene.engine(settings("mta1"))):
        await scene.advance((DEADLINE + GRACE).total_seconds() + 1)
    assert outcomes(scene) == {"mta1": [Outcome.UNKNOWN]}


RETRYING = route(retry=Retry(attempts=5, first=3 * SECOND), interval=timedelta(days=1))


@on_scene
async def test_a_retry_that_was_waited_for_at_a_crash_is_made_after_the_next_start(scene: Scene) -> None:
    # Given
    await scene.ledger.claim(a_probe())
    due = NOON + 3 * SECOND
    await scene.ledger.record_attempt(a_probe().id, attempt(Ending.REFUSED_FOR_NOW), next_attempt=due)

    # When
    async with scene.working(scene.engine(settings("mta1", routes=(RETRYING,))), probing=True):
        await scene.advance(4)
        retried = [sent for sent in scene.sender.sent if sent.envelope.message == message(a_probe())]
        assert [sent.at for sent in retried] == [due]
        await scene.advance((DEADLINE + GRACE).total_seconds())

    # Then
    record = await scene.record(a_probe().id)
    assert (record.attempts, record.judgement and record.judgement.outcome) == (2, Outcome.DELIVERED)


@pytest.mark.parametrize(
    "before, asked",
    [("former", RETRYING), ("monitor", replace(RETRYING, mailbox=None, bounces=None)), (None, RETRYING)],
    ids=["another mailbox", "only asks since", "only asked before"],
)
@on_scene
async def test_what_its_route_does_otherwise_since_a_reload_is_not_tried_again(
    scene: Scene, before: str | None, asked: Route
) -> None:
    # Given
    probe = replace(a_probe(), mailbox=before)
    await scene.ledger.claim(probe)
    due = NOON + 3 * SECOND
    await scene.ledger.record_attempt(probe.id, attempt(Ending.REFUSED_FOR_NOW), next_attempt=due)

    # When
    async with scene.working(scene.engine(settings("mta1", routes=(asked,))), probing=True):
        await scene.advance((DEADLINE + GRACE).total_seconds())

    # Then
    record = await scene.record(probe.id)
    assert (record.attempts, record.judgement and record.judgement.outcome) == (1, Outcome.DEFERRED)


@on_scene
async def test_a_verdict_that_changed_is_in_the_ledger_and_known_at_once_after_the_next_start(scene: Scene) -> None:
    # Given
    scene.sender.always["mta3"] = Ending.REFUSED
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine):
        for slot in range(3):
            await turn(engine, slot, *FOUR)
            await scene.advance(5)
    kept = (await scene.ledger.verdicts())["vip", "mta3"]
    assert kept.state is State.DOWN

    # When
    scene.told.clear()
    again = scene.engine(settings(*FOUR))
    async with scene.working(again):
        # Then
        verdict = again.board.verdict("vip", "mta3")
        assert (verdict.state, verdict.since) == (State.DOWN, kept.since)


@on_scene
async def test_a_stale_verdict_is_unknown_after_the_next_start(scene: Scene) -> None:
    await scene.ledger.set_verdict("vip", "mta1", Verdict(State.DOWN, "it failed", NOON, ("a",), NOON))
    await scene.advance(3600)
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        assert engine.board.verdict("vip", "mta1").state is State.UNKNOWN


@on_scene
async def test_what_cannot_be_restored_is_no_start(scene: Scene) -> None:
    scene.faults.failing = {"carried_forward"}
    with pytest.raises(LedgerTrouble):
        await scene.engine(settings("mta1")).run(asyncio.Event())


@on_scene
async def test_a_loop_that_breaks_is_begun_again(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    async with scene.working(scene.engine(settings("mta1"))):
        for reader in scene.mailbox.readers:
            reader.read = _broken  # type: ignore[method-assign]  # a fault that no contract foresees
            reader.wake()
        await scene.advance(2)
        assert "a loop of the probe broke and is begun again" in caplog.messages
        assert scene.of(FolderRead)[-1].at > NOON
        assert [reader.is_open for reader in scene.mailbox.readers] == [False, False, True, True]


async def _broken() -> News:
    raise RuntimeError("a fault of ours")


@on_scene
async def test_a_ledger_that_fails_for_a_while_ends_nothing(scene: Scene) -> None:
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        scene.faults.failing = {"*"}
        await scene.advance(30)
        assert await engine.dispatcher.turn(way(), 1) is None
        assert engine.board.ledger_trouble == "the disk is full"
        scene.faults.failing = set()
        await scene.advance(10)
        await turn(engine, 2, "mta1")
        await scene.advance(5)
        assert engine.board.ledger_trouble is None
    assert outcomes(scene) == {"mta1": [Outcome.DELIVERED]}


@on_scene
async def test_old_stories_are_forgotten(scene: Scene) -> None:
    await scene.ledger.claim(replace(a_probe(), late_until=NOON + SECOND))
    await scene.ledger.close(a_probe().id, Judgement(Outcome.MISSING, "it was not there"), at=NOON)
    asked = replace(settings("mta1"), explain_for=timedelta(minutes=15))
    async with scene.working(scene.engine(asked)):
        await scene.advance(11 * 60)
        assert await scene.ledger.record(a_probe().id)
        await scene.advance(10 * 60)
        assert await scene.ledger.record(a_probe().id) is None


class Run:
    """An engine that runs, rounds and all, until it is told to stop."""

    def __init__(self, scene: Scene, asked: Settings, finders: dict[str, Finder] | None = None) -> None:
        self.stop = asyncio.Event()
        self.engine = scene.engine(asked, finders)
        self.others = asyncio.all_tasks()
        self.task = scene.spawn(self.engine.run(self.stop))


@on_scene
async def test_it_has_begun_when_members_are_known(scene: Scene) -> None:
    run = Run(scene, settings("mta1"))
    assert not run.engine.began.is_set()
    await scene.advance(0)
    assert run.engine.began.is_set()


@on_scene
async def test_it_begins_though_members_cannot_be_found(scene: Scene) -> None:
    run = Run(scene, settings(), {"vip": FakeFinder([DiscoveryTrouble("no name server answers")])})
    await scene.advance(0)
    assert run.engine.began.is_set()
    assert run.engine.board.discovery == {"vip": "no name server answers"}


@on_scene
async def test_after_the_end_no_task_is_left(scene: Scene) -> None:
    run = Run(scene, settings(*FOUR))
    await scene.advance(3)
    run.stop.set()
    await scene.advance(1)
    assert run.task.done()
    assert asyncio.all_tasks() <= run.others
    assert not any(reader.is_open for reader in scene.mailbox.readers)


@on_scene
async def test_a_transaction_that_goes_on_is_let_end(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    run = Run(scene, settings("mta1"))
    await scene.advance(5)
    run.stop.set()
    await scene.advance(1)
    assert not run.task.done()
    scene.sender.hanging["mta1"].set()
    await scene.advance(1)
    assert run.task.done()
    records = await scene.ledger.outstanding()
    assert all(record.sending for record in records)


@on_scene
async def test_a_transaction_that_takes_too_long_is_cut_off(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    asked = settings("mta1", routes=(route(deadline=timedelta(minutes=5)),))
    run = Run(scene, asked)
    await scene.advance(5)
    run.stop.set()
    await scene.advance(DRAIN.total_seconds() + 1)
    assert run.task.done()
    [record] = await scene.ledger.outstanding()
    assert record.sending is None


@on_scene
async def test_an_engine_that_is_cancelled_leaves_no_task(scene: Scene) -> None:
    run = Run(scene, settings("mta1"))
    await scene.advance(3)
    run.task.cancel()
    with suppress(asyncio.CancelledError):
        await run.task
    await scene.clock.rest()
    assert asyncio.all_tasks() <= run.others


@on_scene
async def test_at_the_end_leave_is_taken_of_members_whose_connection_was_kept(scene: Scene) -> None:
    async with scene.working(scene.engine(settings("mta1"))):
        assert not scene.sender.closed
    assert scene.sender.closed


@on_scene
async def test_reporters_hear_everything_in_order(scene: Scene) -> None:
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        await turn(engine, 1, "mta1")
        await scene.advance(1)
    kinds: list[type[Happening]] = [type(happening) for happening in scene.told]
    assert kinds.index(Started) < kinds.index(Ended)
    assert Judged in kinds


@on_scene
async def test_one_round_probes_each_member_once_on_each_route(scene: Scene) -> None:
    asked = settings("mta1", "mta2", routes=(route(), route("outbound")))
    engine = scene.engine(asked)
    async with scene.working(engine):
        rounds = scene.spawn(one_round(engine, wanted=lambda route, member: True, patience=60 * SECOND))
        await scene.advance(1)
        probed = {(record.probe.member, record.probe.route) for record in (await rounds).records}
    assert probed == {(name, on) for name in ("mta1", "mta2") for on in ("inbound", "outbound")}


@on_scene
async def test_one_round_leaves_out_what_is_not_wanted(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine):
        rounds = scene.spawn(
            one_round(
                engine,
                wanted=lambda route, member: member.name == "mta2",
                patience=60 * SECOND,
            )
        )
        await scene.advance(1)
        assert [record.probe.member for record in (await rounds).records] == ["mta2"]


@on_scene
async def test_one_round_waits_no_longer_than_it_is_told(scene: Scene) -> None:
    scene.discarding = {"mta1"}
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        rounds = scene.spawn(one_round(engine, wanted=lambda route, member: True, patience=2 * SECOND))
        await scene.advance(2.2)
        [record] = (await rounds).records
    assert record.judgement is None


@on_scene
async def test_one_round_names_those_whose_turn_did_not_come(scene: Scene) -> None:
    scene.sender.hanging = {"mta1": asyncio.Event()}
    engine = scene.engine(settings("mta1", "mta2", routes=(route(), route("outbound"))))
    async with scene.working(engine):
        rounds = scene.spawn(one_round(engine, wanted=lambda route, member: True, patience=2 * SECOND))
        await scene.advance(2.2)
        done = await rounds
    assert len(done.records) == 3
    assert done.not_begun == [("vip", "mta1", "outbound")]


@on_scene
async def test_one_round_takes_what_another_process_settled(scene: Scene) -> None:
    scene.discarding = {"mta1"}
    engine = scene.engine(settings("mta1"))
    async with scene.working(engine):
        rounds = scene.spawn(one_round(engine, wanted=lambda route, member: True, patience=60 * SECOND))
        await scene.advance(1)
        [record] = await scene.ledger.outstanding()
        await scene.ledger.close(record.probe.id, Judgement(Outcome.JUNKED, "another saw it"), at=scene.clock.now())
        await scene.advance(1)
        [taken] = (await rounds).records
    assert taken.judgement == Judgement(Outcome.JUNKED, "another saw it")
