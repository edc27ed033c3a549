"""Holds take effect whoever writes them into the ledger, outlive restarts, and end; all that is noted."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from probe.engine.engine import Engine
from probe.engine.happenings import Judged
from probe.model.history import Cause, Change
from probe.model.hold import Hold
from probe.model.outcome import Outcome, State
from probe.model.verdict import Verdict
from probe.ports import ChangeQuery, LedgerTrouble
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND, Scene, on_scene, settings
from tests.engine.test_engine import turn
from tests.engine.test_verdicts import FOUR, Thinking

HOUR = timedelta(hours=1)
TAKEN_UP = 2


def hold(state: State = State.UP, *, since: timedelta = timedelta(0), lasts: timedelta = HOUR) -> Hold:
    return Hold(state, "a new disk", "ann", NOON + since, NOON + since + lasts)


async def history(scene: Scene, member: str = "mta3") -> Sequence[Change]:
    """Return what was noted of a member, oldest first."""
    return (await scene.ledger.changes(ChangeQuery("vip", member))).changes[::-1]


async def rounds(scene: Scene, engine: Engine, first: int, last: int) -> None:
    for slot in range(first, last):
        await turn(engine, slot, *FOUR)
        await scene.advance(5)


# How verdicts hear of them


@on_scene
async def test_a_member_that_discards_stays_what_it_is_held_as_and_is_judged_at_once_when_that_ends(
    scene: Scene,
) -> None:
    thinking = Thinking(scene, *FOUR)
    thinking.verdicts.hear({("vip", "mta3"): hold(lasts=15.5 * SECOND)})
    for _ in range(3):
        await thinking.round(mta3=Outcome.MISSING)
        assert thinking.of("mta3").state is State.UP
    assert "its probes say down: 3 probes in a row missing" in thinking.of("mta3").reason

    await scene.advance(2)
    assert (thinking.of("mta3").state, thinking.of("mta3").hold) == (State.DOWN, None)
    assert thinking.of("mta1").state is State.UP


@on_scene
async def test_a_hold_is_told_within_a_moment_though_no_probe_ends(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    thinking.verdicts.hear({("vip", "mta1"): hold(State.DOWN), ("vip", "gone"): hold(), ("mx", "mta1"): hold()})
    await scene.advance(1)
    assert thinking.states == {name: State.DOWN if name == "mta1" else State.UNKNOWN for name in FOUR}


@on_scene
async def test_held_verdicts_from_before_a_restart_are_no_news(scene: Scene) -> None:
    before = {"mta1": Verdict(State.DOWN, "it failed", NOON - HOUR, ("a",), NOON)}
    asked = settings("mta1", "mta2")
    thinking = Thinking(scene, asked=asked)
    thinking.verdicts.hear({("vip", "mta1"): hold(since=-SECOND)})
    thinking.verdicts.restore({("vip", name): verdict for name, verdict in before.items()})
    thinking.names = ["mta1"]
    thinking.known()
    [judged] = scene.of(Judged)
    assert judged.before
    assert (judged.before.state, judged.verdict.state) == (State.UP, State.UP)
    assert judged.verdict.since == NOON - SECOND
    assert "its probes say down: it failed" in judged.verdict.reason


# In the whole engine


@on_scene
async def test_what_another_process_writes_into_the_ledger_is_taken_up_within_two_seconds(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await scene.ledger.set_hold("vip", "mta3", hold(State.DOWN))
        await scene.advance(TAKEN_UP)
        assert engine.board.verdict("vip", "mta3").state is State.DOWN
        await scene.ledger.release("vip", "mta3", by="bob", at=scene.clock.now())
        await scene.advance(TAKEN_UP)
        assert engine.board.verdict("vip", "mta3").state is State.UNKNOWN
    assert [(change.cause, change.after, change.by) for change in await history(scene)] == [
        (Cause.START, State.UNKNOWN, None),
        (Cause.HOLD, State.DOWN, "ann"),
        (Cause.RELEASE, State.UNKNOWN, "bob"),
    ]


@on_scene
async def test_who_asks_this_process_need_not_wait_for_it(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await engine.holding.hold("vip", "mta3", hold(State.DOWN))
        await scene.advance(0.3)
        assert engine.board.verdict("vip", "mta3").state is State.DOWN
        assert list(engine.holding.lasting()) == [("vip", "mta3")]
        assert await engine.holding.release("vip", "mta3", by="bob")
        assert await engine.holding.release("vip", "mta3", by="bob") is None
        assert not engine.holding.lasting()


@on_scene
async def test_a_hold_survives_a_restart_and_ends_by_itself(scene: Scene) -> None:
    # Given
    scene.discarding = {"mta3"}
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await engine.holding.hold("vip", "mta3", hold(lasts=60 * SECOND))
        await rounds(scene, engine, 0, 6)
        assert engine.board.verdict("vip", "mta3").state is State.UP

    # When
    again = scene.engine(settings(*FOUR))
    async with scene.working(again, probing=True):
        held = again.board.verdict("vip", "mta3")
        assert (held.state, held.since) == (State.UP, NOON)
        assert "its probes say down" in held.reason
        await rounds(scene, again, 6, 13)

        # Then
        assert again.board.verdict("vip", "mta3").state is State.DOWN
    assert [(change.cause, change.before, change.after, change.by) for change in await history(scene)] == [
        (Cause.START, None, State.UNKNOWN, None),
        (Cause.HOLD, State.UNKNOWN, State.UP, "ann"),
        (Cause.RELEASE, State.UP, State.DOWN, None),
    ]


@on_scene
async def test_a_hold_that_ended_while_the_probe_was_down_is_noted_as_its_end(scene: Scene) -> None:
    async with scene.working(scene.engine(settings(*FOUR)), probing=True):
        await scene.ledger.set_hold("vip", "mta3", hold(State.DOWN, lasts=10 * SECOND))
        await scene.advance(TAKEN_UP)
    await scene.advance(60)
    async with scene.working(scene.engine(settings(*FOUR)), probing=True):
        await scene.advance(1)
    assert [change.cause for change in await history(scene)] == [Cause.START, Cause.HOLD, Cause.RELEASE]


@on_scene
async def test_what_the_evidence_says_is_not_forgotten_for_a_hold(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await rounds(scene, engine, 0, 3)
        await engine.holding.hold("vip", "mta3", hold(State.DOWN, since=15 * SECOND))
        await rounds(scene, engine, 3, 4)
        kept = (await scene.ledger.verdicts())["vip", "mta3"]
        assert (kept.state, kept.hold) == (State.UP, None)


@on_scene
async def test_what_was_read_before_a_hold_is_not_taken_up_after_it(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):

        async def written_meanwhile() -> None:
            await scene.ledger.set_hold("vip", "mta3", hold(State.DOWN))
            scene.spawn(engine.holding.refresh())
            for _ in range(3):
                await scene.ledger.last_changes()

        scene.faults.meanwhile["holds"] = written_meanwhile
        await scene.advance(3)
        assert [change.cause for change in await history(scene)] == [Cause.START, Cause.HOLD]
        assert engine.board.verdict("vip", "mta3").state is State.DOWN


# What is noted


@on_scene
async def test_a_restart_that_changes_nothing_is_not_noted_and_changes_go_on_to_be_counted(scene: Scene) -> None:
    scene.discarding = {"mta3"}
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await rounds(scene, engine, 0, 6)
    noted = await history(scene)
    assert [(change.cause, change.after) for change in noted] == [
        (Cause.START, State.UNKNOWN),
        (Cause.EVIDENCE, State.DOWN),
    ]
    assert len(noted[-1].evidence) == 3

    scene.discarding = set()
    again = scene.engine(settings(*FOUR))
    async with scene.working(again, probing=True):
        assert await history(scene) == noted
        await rounds(scene, again, 6, 12)
        assert [change.after for change in await history(scene)] == [State.UNKNOWN, State.DOWN, State.UP]
        assert again.board.snapshot(NOON).state_changes["vip", "mta3"] == 2


@on_scene
async def test_who_is_kept_up_is_so_from_the_first_moment_after_a_restart(scene: Scene) -> None:
    # Given
    scene.discarding = set(FOUR[:3])
    async with scene.working(engine := scene.engine(settings(*FOUR)), probing=True):
        await rounds(scene, engine, 0, 7)
        [kept_up] = [name for name in FOUR if engine.board.verdict("vip", name).guarded]
    noted = await history(scene, kept_up)
    scene.told.clear()

    # When
    async with scene.working(scene.engine(settings(*FOUR)), probing=True):
        await scene.advance(1)

    # Then
    assert {judged.verdict.guarded for judged in scene.of(Judged) if judged.member == kept_up} == {True}
    assert await history(scene, kept_up) == noted


@on_scene
async def test_a_verdict_that_is_stale_at_the_start_is_noted_as_such(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await rounds(scene, engine, 0, 3)
    await scene.advance(3600)
    async with scene.working(scene.engine(settings(*FOUR)), probing=True):
        await scene.advance(1)
    assert [(change.cause, change.after) for change in await history(scene)] == [
        (Cause.START, State.UNKNOWN),
        (Cause.EVIDENCE, State.UP),
        (Cause.START, State.UNKNOWN),
    ]


@on_scene
async def test_who_only_sends_one_round_notes_nothing(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine):
        await rounds(scene, engine, 0, 3)
    assert await history(scene) == []


@on_scene
async def test_what_changes_while_the_ledger_cannot_be_written_is_noted_when_it_can(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        scene.faults.failing = {"note_change"}
        await engine.holding.hold("vip", "mta3", hold(State.DOWN))
        await scene.advance(5)
        scene.faults.failing = set()
        await scene.advance(2)
    assert [change.cause for change in await history(scene)] == [Cause.START, Cause.HOLD]


@pytest.mark.parametrize("failing", ["holds", "last_changes"])
@on_scene
async def test_without_what_operators_said_there_is_no_start(scene: Scene, failing: str) -> None:
    scene.faults.failing = {failing}
    with pytest.raises(LedgerTrouble):
        async with scene.engine(settings("mta1")).working(probing=True):
            pass


@on_scene
async def test_holds_last_while_the_ledger_cannot_be_read(scene: Scene) -> None:
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await engine.holding.hold("vip", "mta3", hold(State.DOWN))
        scene.faults.failing = {"holds"}
        await scene.advance(30)
        assert engine.board.verdict("vip", "mta3").state is State.DOWN


# What flapping needs of it


@on_scene
async def test_who_was_called_up_and_down_again_and_again_is_flapping_after_a_restart_too(scene: Scene) -> None:
    for number in range(8):
        before, after = (State.UP, State.DOWN) if number % 2 else (State.DOWN, State.UP)
        await scene.ledger.note_change(Change(NOON, "vip", "mta3", before, after, Cause.EVIDENCE, "so it is"))
    await scene.ledger.set_verdict("vip", "mta3", Verdict(State.DOWN, "it failed", NOON, ("a",), NOON))
    engine = scene.engine(settings(*FOUR))
    async with scene.working(engine, probing=True):
        await rounds(scene, engine, 0, 3)
        verdict = engine.board.verdict("vip", "mta3")
        assert (verdict.state, verdict.flapping) == (State.DOWN, True)
        assert engine.board.verdict("vip", "mta1").state is State.UP
