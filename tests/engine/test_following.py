"""What others that share the ledger begin and close."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from probe.engine.following import Following
from probe.engine.happenings import Ended
from probe.model.judge import LEFT_TO_ITS_SENDER
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Probe
from probe.model.reply import Ending
from probe.ports import LedgerTrouble
from tests.engine.fakes import attempt
from tests.engine.scene import DEADLINE, Scene, a_probe, on_scene
from tests.engine.test_settling import outcomes, see, sent, started

THEIRS = replace(a_probe(), instance="probe-b")
LEFT_FOR_GOOD = (DEADLINE + LEFT_TO_ITS_SENDER).total_seconds() + 0.001


def following(scene: Scene) -> Following:
    return Following(scene.ledger, scene.flight, scene.settler, clock=scene.clock)


async def begun_by_another(scene: Scene, probe: Probe = THEIRS, ending: Ending | None = Ending.ACCEPTED) -> None:
    """Let another process claim a probe, and end its attempt if it comes to that."""
    assert await scene.ledger.claim(probe)
    if ending:
        await scene.ledger.record_attempt(probe.id, attempt(ending), next_attempt=None)


async def closed(scene: Scene, *numbers: int, instance: str = "probe-b") -> Sequence[str]:
    probes = [a_probe(number, instance=instance) for number in numbers]
    for probe in probes:
        await begun_by_another(scene, probe)
        await scene.ledger.close(probe.id, Judgement(Outcome.JUNKED, "another saw it"), at=scene.clock.now())
    return [probe.id for probe in probes]


@on_scene
async def test_what_others_closed_is_heard_once_in_the_order_of_their_closings(scene: Scene) -> None:
    follows = following(scene)
    first = await closed(scene, 1, 2)
    await follows.look()
    await follows.look()
    second = await closed(scene, 3)
    await follows.look()
    assert outcomes(scene) == [Outcome.JUNKED] * 3
    assert _heard(scene) == [*first, *second]


@on_scene
async def test_what_was_closed_before_the_start_is_not_heard_again(scene: Scene) -> None:
    await closed(scene, 1)
    carried = await scene.ledger.carried_forward(1, since=scene.clock.now())
    follows = following(scene)
    follows.begin_after(carried.closing)
    await follows.look()
    assert outcomes(scene) == []


@on_scene
async def test_what_was_closed_here_is_not_heard_of_again(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await see(scene, a_probe())
    await following(scene).look()
    assert outcomes(scene) == [Outcome.DELIVERED]


@on_scene
async def test_what_another_closes_of_ours_is_told_once_although_both_come_to_it(scene: Scene) -> None:
    # Given a message of ours that another one saw first
    await started(scene, a_probe())
    await scene.settler.attempted(a_probe(), attempt(), number=1, next_attempt=None)
    await scene.ledger.close(a_probe().id, Judgement(Outcome.DELIVERED, "another saw it"), at=scene.clock.now())

    # When
    await following(scene).look()
    await scene.settler.settle(a_probe())
    await see(scene, a_probe())

    # Then
    assert outcomes(scene) == [Outcome.DELIVERED]
    assert scene.flight.all() == []


@on_scene
async def test_when_all_was_forgotten_and_closings_are_counted_anew_they_are_heard(scene: Scene) -> None:
    follows = following(scene)
    follows.begin_after(7)
    await closed(scene, 1)
    await follows.look()
    assert outcomes(scene) == [Outcome.JUNKED]


@on_scene
async def test_what_could_not_be_read_is_heard_at_the_next_look(scene: Scene) -> None:
    follows = following(scene)
    await closed(scene, 1)
    scene.faults.failing = {"records"}
    with pytest.raises(LedgerTrouble):
        await follows.look()
    scene.faults.failing = set()
    await follows.look()
    assert outcomes(scene) == [Outcome.JUNKED]


@on_scene
async def test_a_message_of_another_instance_that_is_seen_here_is_settled_here(scene: Scene) -> None:
    await begun_by_another(scene)
    await see(scene, THEIRS)
    assert outcomes(scene) == [Outcome.DELIVERED]


@on_scene
async def test_while_another_instance_is_sending_the_outcome_is_left_to_it(scene: Scene) -> None:
    await begun_by_another(scene, ending=None)
    await see(scene, THEIRS)
    assert outcomes(scene) == []
    assert (await scene.record(THEIRS.id)).arrival


@pytest.mark.parametrize(
    "ending, seen, outcome",
    [
        (Ending.ACCEPTED, False, Outcome.MISSING),
        (Ending.REFUSED, False, Outcome.REJECTED),
        (None, False, Outcome.UNKNOWN),
        (None, True, Outcome.DELIVERED),
    ],
)
@on_scene
async def test_what_another_instance_left_behind_is_settled_once_that_had_its_time(
    scene: Scene, ending: Ending | None, seen: bool, outcome: Outcome
) -> None:
    # Given
    await begun_by_another(scene, ending=ending)
    await following(scene).look()
    if seen:
        await see(scene, THEIRS)

    # When it is overdue, but may still be settled by its sender
    await scene.advance(LEFT_FOR_GOOD - 0.001)
    await scene.settler.watched("monitor", scene.clock.now())
    assert outcomes(scene) == []

    # Then
    await scene.advance(0.001)
    await scene.settler.settle_overdue("monitor")
    assert outcomes(scene) == [outcome]


@on_scene
async def test_what_its_sender_settles_late_is_told_as_that_settled_it(scene: Scene) -> None:
    await begun_by_another(scene)
    await following(scene).look()
    await scene.ledger.close(THEIRS.id, Judgement(Outcome.BOUNCED, "by its sender"), at=scene.clock.now())
    await scene.advance(LEFT_FOR_GOOD)
    await scene.settler.watched("monitor", scene.clock.now())
    assert outcomes(scene) == [Outcome.BOUNCED]


@on_scene
async def test_the_ledger_is_looked_into_every_second(scene: Scene) -> None:
    scene.spawn(following(scene).run())
    await closed(scene, 1)
    await scene.advance(0.9)
    assert outcomes(scene) == []
    await scene.advance(0.2)
    assert outcomes(scene) == [Outcome.JUNKED]


def _heard(scene: Scene) -> list[str]:
    return [ended.record.probe.id for ended in scene.of(Ended)]
