"""What was sent and what was seen come together."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine.examining import Examiner
from probe.engine.happenings import Attempted, Ended, Seen, Stranger
from probe.engine.settling import STRANGERS
from probe.model.judge import GRACE
from probe.model.letter import Folder, Kind, Letter, Place, Sighting
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Probe, Record
from probe.model.reply import Ending
from probe.model.settings import TagKey
from probe.ports import LedgerTrouble, Sighted
from tests.engine.fakes import NOON, attempt
from tests.engine.scene import DEADLINE, Scene, a_probe, message, on_scene

TICK = timedelta(microseconds=1)
PAST_GRACE = DEADLINE.total_seconds() + GRACE.total_seconds() + 0.001
OTHER_KEY = TagKey("k1", b"fedcba9876543210")


def letter(scene: Scene, written: bytes, *, uid: str = "1", folder: Folder = Folder.INBOX) -> Letter:
    header, _, body = written.partition(b"\r\n\r\n")
    place = Place("monitor", folder, 1, uid)
    return Letter(place, len(written), scene.clock.now(), None, header + b"\r\n\r\n", body)


async def started(scene: Scene, probe: Probe, *, sending: bool = True) -> None:
    """Let a probe be as it is while it is being sent."""
    assert await scene.ledger.claim(probe)
    scene.flight.put(Record(probe))
    scene.flight.sending(probe.id, on=sending)


async def sent(scene: Scene, probe: Probe, ending: Ending = Ending.ACCEPTED) -> None:
    """Let an attempt of a probe end."""
    await scene.settler.attempted(probe, attempt(ending), number=1, next_attempt=None)
    await scene.settler.settle(probe)


async def see(scene: Scene, probe: Probe, *, uid: str = "1", folder: Folder = Folder.INBOX) -> None:
    await scene.settler.take("monitor", [letter(scene, message(probe), uid=uid, folder=folder)], rescan=False)


def outcomes(scene: Scene) -> list[Outcome]:
    return [ended.record.judgement.outcome for ended in scene.of(Ended) if ended.record.judgement]


@on_scene
async def test_a_message_that_is_seen_after_its_reply_is_delivered(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    assert outcomes(scene) == []
    await see(scene, a_probe())
    assert outcomes(scene) == [Outcome.DELIVERED]
    assert scene.flight.all() == []


@on_scene
async def test_a_probe_that_is_closed_while_its_message_is_taken_in_ends_once(scene: Scene) -> None:
    await started(scene, a_probe())
    await scene.settler.attempted(a_probe(), attempt(), number=1, next_attempt=None)
    scene.faults.meanwhile["sight"] = lambda: scene.settler.settle(a_probe())
    await see(scene, a_probe())
    assert outcomes(scene) == [Outcome.DELIVERED]
    assert scene.flight.all() == []


class Baffled(Examiner):
    """Cannot make anything of any message."""

    def examine(self, letter: Letter, probe_id: str, probe: Probe | None) -> Sighting:
        raise RuntimeError(letter.place.uid)


@on_scene
async def test_a_message_that_cannot_be_examined_is_delivered_all_the_same_and_blinds_no_mailbox(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.settler = scene.new_settler(examiner=Baffled({}, []))
    await started(scene, a_probe(), sending=False)
    await see(scene, a_probe())
    assert outcomes(scene) == [Outcome.DELIVERED]
    assert "a message of ours cannot be examined" in caplog.messages


@on_scene
async def test_a_message_that_arrives_before_the_reply_is_delivered_when_the_reply_comes(scene: Scene) -> None:
    await started(scene, a_probe())
    await see(scene, a_probe())
    assert outcomes(scene) == []
    await sent(scene, a_probe())
    assert outcomes(scene) == [Outcome.DELIVERED]
    [ended] = scene.of(Ended)
    assert ended.record.sending
    assert ended.record.sending.accepted


@on_scene
async def test_a_message_in_junk_is_junked(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await see(scene, a_probe(), folder=Folder.JUNK)
    assert outcomes(scene) == [Outcome.JUNKED]


@pytest.mark.parametrize(
    "ending, outcome",
    [
        (Ending.REFUSED, Outcome.REJECTED),
        (Ending.REFUSED_FOR_NOW, Outcome.DEFERRED),
        (Ending.UNREACHABLE, Outcome.UNREACHABLE),
        (Ending.NOT_TRIED, Outcome.UNKNOWN),
    ],
)
@on_scene
async def test_a_refusal_ends_a_probe_at_once(scene: Scene, ending: Ending, outcome: Outcome) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe(), ending)
    assert outcomes(scene) == [outcome]


@on_scene
async def test_a_second_copy_is_a_duplicate_and_the_same_copy_read_again_is_nothing(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    for uid in ("1", "2", "1", "2"):
        await see(scene, a_probe(), uid=uid)
    assert [seen.what for seen in scene.of(Seen)] == [Sighted.ARRIVAL, Sighted.DUPLICATE]
    assert outcomes(scene) == [Outcome.DELIVERED]


@on_scene
async def test_a_message_after_its_probe_was_missing_is_late_and_the_outcome_stays(scene: Scene) -> None:
    # Given
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 1)
    await scene.settler.watched("monitor", NOON + DEADLINE + TICK)

    # When
    await see(scene, a_probe())

    # Then
    assert [seen.what for seen in scene.of(Seen)] == [Sighted.LATE]
    assert outcomes(scene) == [Outcome.MISSING]
    assert (await scene.record(a_probe().id)).judgement == scene.of(Ended)[0].record.judgement


@on_scene
async def test_a_message_found_after_the_deadline_that_nobody_looked_for_is_unknown(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 0.001)
    await see(scene, a_probe())
    assert outcomes(scene) == [Outcome.UNKNOWN]


@on_scene
async def test_missing_needs_a_reading_that_began_after_the_deadline(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 1)
    await scene.settler.watched("monitor", NOON + DEADLINE)
    assert outcomes(scene) == []
    await scene.settler.watched("monitor", NOON + DEADLINE + TICK)
    assert outcomes(scene) == [Outcome.MISSING]


@on_scene
async def test_the_life_of_a_missing_probe_tells_when_the_mailbox_was_read_without_it(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 1)
    await scene.settler.watched("monitor", NOON + DEADLINE + TICK)
    life = await scene.ledger.life(a_probe().id)
    assert life
    assert [(event.kind, event.at) for event in life.events][-2:] == [
        ("read", NOON + DEADLINE + TICK),
        ("outcome", scene.clock.now()),
    ]


@on_scene
async def test_missing_needs_that_nothing_is_left_to_read_among_which_it_may_be(scene: Scene) -> None:
    # Given one that was started before the last message of a backlog came, and one that was started after it
    before, after = a_probe(1), a_probe(2, at=NOON + timedelta(seconds=1))
    for probe in (before, after):
        await started(scene, probe)
        await sent(scene, probe)
    await scene.advance(DEADLINE.total_seconds() + 2)

    # When
    await scene.settler.watched("monitor", scene.clock.now(), since=before.started)

    # Then
    assert outcomes(scene) == [Outcome.MISSING]
    assert scene.of(Ended)[0].record.probe.id == after.id
    await scene.settler.watched("monitor", scene.clock.now())
    assert outcomes(scene) == [Outcome.MISSING, Outcome.MISSING]


@pytest.mark.parametrize("why", ["imap.test:993 refused the login of monitor: NO", None])
@on_scene
async def test_an_unknown_probe_names_what_was_wrong_with_its_mailbox(scene: Scene, why: str | None) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    if why:
        scene.settler.blinded("monitor", why)
    await scene.advance(PAST_GRACE)
    await scene.settler.settle_overdue("monitor")
    [ended] = scene.of(Ended)
    expected = f"its mailbox could not be read after the deadline{f': {why}' if why else ''}"
    assert ended.record.judgement == Judgement(Outcome.UNKNOWN, expected)


@on_scene
async def test_an_unknown_probe_names_the_backlog_among_which_it_may_be(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(PAST_GRACE)
    await scene.settler.watched("monitor", scene.clock.now(), since=scene.clock.now())
    [ended] = scene.of(Ended)
    assert ended.record.judgement
    assert "older mail, among which it may be, was not read to its end yet" in ended.record.judgement.reason


@on_scene
async def test_trouble_that_is_over_is_not_named_any_more(scene: Scene) -> None:
    scene.settler.blinded("monitor", "the server is gone")
    await scene.settler.watched("monitor", scene.clock.now())
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(PAST_GRACE)
    await scene.settler.settle_overdue("monitor")
    [ended] = scene.of(Ended)
    assert ended.record.judgement
    assert ended.record.judgement.reason == (
        "its mailbox could not be read after the deadline: no reading has come to an end since that of 12:00:00 UTC"
    )


@on_scene
async def test_a_blind_mailbox_is_unknown_after_the_grace_and_not_before(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance((DEADLINE + GRACE).total_seconds())
    await scene.settler.settle_overdue("monitor")
    assert outcomes(scene) == []
    await scene.advance(0.001)
    await scene.settler.settle_overdue("monitor")
    assert outcomes(scene) == [Outcome.UNKNOWN]


@on_scene
async def test_another_mailbox_that_was_read_proves_nothing(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 1)
    await scene.settler.watched("other", scene.clock.now())
    await scene.settler.settle_overdue("monitor")
    assert outcomes(scene) == []


@on_scene
async def test_doubt_after_the_final_dot_is_decided_by_the_mailbox(scene: Scene) -> None:
    for number in (1, 2):
        await started(scene, a_probe(number))
        await sent(scene, a_probe(number), Ending.IN_DOUBT)
    await see(scene, a_probe(1))
    assert outcomes(scene) == [Outcome.DELIVERED]
    await scene.advance(DEADLINE.total_seconds() + 1)
    await scene.settler.watched("monitor", scene.clock.now())
    assert outcomes(scene) == [Outcome.DELIVERED, Outcome.UNKNOWN]


@on_scene
async def test_what_is_being_sent_is_not_closed_at_its_deadline(scene: Scene) -> None:
    await started(scene, a_probe())
    await scene.advance(PAST_GRACE)
    await scene.settler.watched("monitor", scene.clock.now())
    assert outcomes(scene) == []


@on_scene
async def test_a_stranger_that_is_read_again_is_told_once(scene: Scene) -> None:
    stray = message(a_probe(7))
    read = [letter(scene, b"Subject: hello\r\n\r\n", uid="1"), letter(scene, stray, uid="2")]
    for _ in range(3):
        await scene.settler.take("monitor", read, rescan=False)
    await scene.settler.take("monitor", [letter(scene, stray, uid="3")], rescan=False)
    assert [stranger.kind for stranger in scene.of(Stranger)] == [Kind.FOREIGN, Kind.FORGED, Kind.FORGED]


@on_scene
async def test_of_more_strangers_than_can_be_remembered_the_oldest_are_forgotten(scene: Scene) -> None:
    for uid in [*range(STRANGERS + 1), 1, 0]:
        await scene.settler.take("monitor", [letter(scene, b"Subject: hello\r\n\r\n", uid=str(uid))], rescan=False)
    assert len(scene.of(Stranger)) == STRANGERS + 2


@pytest.mark.parametrize(
    "written, kind",
    [
        (b"Subject: an offer\r\n\r\nbuy\r\n", Kind.FOREIGN),
        (message(a_probe(), OTHER_KEY), Kind.FORGED),
        (b"Mailflow-Probe: " + b"a" * 64 + b"\r\n\r\n", Kind.FORGED),
        (message(a_probe(77, instance="probe-b")), Kind.OTHER_INSTANCE),  # of one that keeps another ledger
        (message(a_probe(77)), Kind.FORGED),  # well signed, but the ledger does not know it
    ],
)
@on_scene
async def test_strangers_are_told_and_change_nothing(scene: Scene, written: bytes, kind: Kind) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.settler.take("monitor", [letter(scene, written)], rescan=False)
    assert [stranger.kind for stranger in scene.of(Stranger)] == [kind]
    assert outcomes(scene) == []
    assert (await scene.record(a_probe().id)).arrival is None


@on_scene
async def test_a_message_in_a_mailbox_that_is_not_its_own_is_forged(scene: Scene) -> None:
    await started(scene, replace(a_probe(), mailbox="other"))
    await see(scene, a_probe())
    assert [stranger.kind for stranger in scene.of(Stranger)] == [Kind.FORGED]


@on_scene
async def test_a_probe_that_another_process_closed_is_reported_once_with_its_outcome(scene: Scene) -> None:
    # Given
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.ledger.close(a_probe().id, Judgement(Outcome.JUNKED, "another saw it"), at=scene.clock.now())

    # When
    await scene.advance(PAST_GRACE)
    await scene.settler.settle_overdue("monitor")
    await scene.settler.settle_overdue("monitor")

    # Then
    assert outcomes(scene) == [Outcome.JUNKED]


@on_scene
async def test_of_two_who_settle_at_once_one_reports(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await asyncio.gather(see(scene, a_probe(), uid="1"), see(scene, a_probe(), uid="2"))
    assert outcomes(scene) == [Outcome.DELIVERED]


@on_scene
async def test_letters_that_the_ledger_could_not_take_are_taken_when_they_are_read_again(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    scene.faults.failing = {"sight"}
    with pytest.raises(ExceptionGroup) as trouble:
        await see(scene, a_probe())
    assert trouble.group_contains(LedgerTrouble)
    scene.faults.failing = set()
    await see(scene, a_probe())
    assert outcomes(scene) == [Outcome.DELIVERED]
    assert len(scene.of(Seen)) == 1


@on_scene
async def test_an_attempt_that_ends_at_its_deadline_is_not_taken_for_one_that_was_cut_off(scene: Scene) -> None:
    # Given the mailbox is read between the end of the attempt and the look at it
    await started(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 0.001)
    await scene.settler.attempted(a_probe(), attempt(Ending.UNREACHABLE), number=1, next_attempt=None)
    await scene.settler.watched("monitor", scene.clock.now())

    # When
    await scene.settler.settle(a_probe())

    # Then
    assert outcomes(scene) == [Outcome.UNREACHABLE]
    assert not scene.flight.is_sending(a_probe().id)


@on_scene
async def test_an_attempt_that_could_not_be_kept_is_told_when_it_is(scene: Scene) -> None:
    await started(scene, a_probe())
    scene.faults.failing = {"record_attempt"}
    with pytest.raises(LedgerTrouble):
        await sent(scene, a_probe())
    assert scene.of(Attempted) == []
    assert scene.flight.is_sending(a_probe().id)


@on_scene
async def test_a_probe_that_could_not_be_closed_is_closed_at_the_next_look(scene: Scene) -> None:
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await scene.advance(DEADLINE.total_seconds() + 1)
    scene.faults.failing = {"close"}
    with pytest.raises(LedgerTrouble):
        await scene.settler.watched("monitor", scene.clock.now())
    scene.faults.failing = set()
    await scene.settler.settle_overdue("monitor")
    assert outcomes(scene) == [Outcome.MISSING]


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
@on_scene
async def test_of_what_was_in_flight_when_the_clock_was_set_nobody_can_tell(scene: Scene, by: timedelta) -> None:
    # Given one probe that was accepted, and one that is being sent
    accepted, being_sent = a_probe(1), a_probe(2)
    await started(scene, accepted)
    await sent(scene, accepted)
    await started(scene, being_sent)

    # When
    await scene.settler.clock_set(by)

    # Then
    assert outcomes(scene) == [Outcome.UNKNOWN]
    await sent(scene, being_sent)
    assert outcomes(scene) == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    await see(scene, accepted)
    assert scene.of(Seen)[-1].what is Sighted.LATE


@on_scene
async def test_what_is_sent_after_the_clock_was_set_is_judged_as_ever(scene: Scene) -> None:
    await scene.settler.clock_set(timedelta(hours=1))
    await started(scene, a_probe())
    await sent(scene, a_probe())
    await see(scene, a_probe())
    assert outcomes(scene) == [Outcome.DELIVERED]


@on_scene
async def test_a_message_that_is_seen_while_its_attempt_is_read_back_is_not_forgotten(scene: Scene) -> None:
    # Given a message that came while the ledger was asked for what it knew before
    await started(scene, a_probe())
    place = Place("monitor", Folder.INBOX, 1, "1")
    seen = Sighting(a_probe().id, place, scene.clock.now(), None, 100)
    scene.flight.put(Record(a_probe(), arrival=seen))

    # When
    await sent(scene, a_probe())

    # Then
    assert outcomes(scene) == [Outcome.DELIVERED]
