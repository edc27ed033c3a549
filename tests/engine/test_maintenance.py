"""Windows of maintenance open and close by the clock, though no probe ends."""

from datetime import timedelta

from probe.model.history import Cause
from probe.model.outcome import Outcome, State
from probe.model.settings import Maintenance, OnceOnly
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND, Scene, on_scene, settings
from tests.engine.test_holding import history, rounds
from tests.engine.test_verdicts import FOUR, Thinking


def work(*members: str, begins: timedelta = timedelta(0), lasts: timedelta) -> Maintenance:
    return Maintenance("vip", OnceOnly(NOON + begins, NOON + begins + lasts), "patching", members)


@on_scene
async def test_a_member_that_fails_under_maintenance_is_called_down_at_once_when_that_is_over(scene: Scene) -> None:
    plan = work("mta3", begins=9 * SECOND, lasts=17 * SECOND)
    thinking = Thinking(scene, *FOUR, asked=settings(*FOUR, maintenance=(plan,)))
    for _ in range(2):
        await thinking.round()
    assert thinking.of("mta3").maintenance
    for _ in range(3):
        await thinking.round(mta3=Outcome.MISSING)
        assert thinking.of("mta3").state is State.UP
    assert thinking.of("mta3").reason == (
        "in maintenance until 12:00 UTC: patching; not called down meanwhile: 3 probes in a row missing: it was missing"
    )

    await scene.advance(2)
    assert (thinking.of("mta3").state, thinking.of("mta3").maintenance) == (State.DOWN, None)
    assert {thinking.states[name] for name in FOUR if name != "mta3"} == {State.UP}


@on_scene
async def test_a_member_that_is_down_may_come_back_under_maintenance_and_is_not_called_down_again(
    scene: Scene,
) -> None:
    plan = work("mta3", begins=14 * SECOND, lasts=3600 * SECOND)
    thinking = Thinking(scene, *FOUR, asked=settings(*FOUR, maintenance=(plan,)))
    for _ in range(3):
        await thinking.round(mta3=Outcome.REJECTED)
    states = [thinking.states["mta3"]]
    for outcome in [Outcome.DELIVERED] * 2 + [Outcome.REJECTED] * 4:
        await thinking.round(mta3=outcome)
        states.append(thinking.states["mta3"])
    assert states == [State.DOWN, State.DOWN, *[State.UP] * 5]


@on_scene
async def test_windows_are_noted_as_they_open_and_close_also_over_a_restart(scene: Scene) -> None:
    asked = settings(*FOUR, maintenance=(work("mta3", begins=2 * SECOND, lasts=20 * SECOND),))
    engine = scene.engine(asked)
    async with scene.working(engine, probing=True):
        await rounds(scene, engine, 0, 4)
    again = scene.engine(asked)
    async with scene.working(again, probing=True):
        await rounds(scene, again, 4, 6)
    assert [(change.cause, change.in_maintenance) for change in await history(scene)] == [
        (Cause.START, False),
        (Cause.MAINTENANCE, True),
        (Cause.EVIDENCE, True),
        (Cause.MAINTENANCE, False),
    ]
    assert [change.cause for change in await history(scene, "mta1")] == [Cause.START, Cause.EVIDENCE]
