"""Watching one folder."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from probe.engine.asking import BETWEEN_SLICES, IDLE_POLL
from probe.engine.happenings import Stranger
from probe.engine.watching import WORTH_IDLING
from probe.model.letter import Folder
from probe.ports import LedgerTrouble, MailboxTrouble, Mark
from tests.engine.fakes import NOON, FakeReader
from tests.engine.scene import SECOND, Scene, message, on_scene
from tests.engine.watched import Watched, in_flight

MILLISECOND = timedelta(milliseconds=1)


@on_scene
async def test_a_folder_in_which_nothing_is_expected_waits_for_pushes_and_is_polled_seldom(scene: Scene) -> None:
    watched = Watched(scene)
    await scene.advance(2 * IDLE_POLL.total_seconds())
    assert watched.reader.readings == [NOON, NOON + IDLE_POLL, NOON + 2 * IDLE_POLL]
    assert set(watched.reader.waits) == {IDLE_POLL}


@on_scene
async def test_a_push_is_read_at_once(scene: Scene) -> None:
    watched = Watched(scene)
    await scene.advance(3)
    scene.mailbox.deliver(b"Subject: x\r\n\r\n")
    await scene.advance(0)
    assert watched.whole == [(NOON, 0), (NOON + 3 * SECOND, 1)]


@on_scene
async def test_expected_mail_is_asked_for_at_growing_distances(scene: Scene) -> None:
    # Given
    watched = Watched(scene)
    await scene.advance(1)
    probe = await in_flight(scene)

    # When
    scene.flight.expect(probe.id, since=scene.clock.now())
    watched.watch.stir()
    await scene.advance(8)

    # Then
    asked = [at - NOON - SECOND for at in watched.reader.readings[1:]]
    assert asked[0] == FakeReader.pace
    assert all(later > earlier for earlier, later in pairwise(asked))
    assert all(later - earlier <= max(FakeReader.pace, later / 10) for earlier, later in pairwise(asked))
    # And pushes are waited for only where that is worth it
    assert all(waited >= WORTH_IDLING for waited in watched.reader.waits)
    assert any(waited < IDLE_POLL for waited in watched.reader.waits)


@on_scene
async def test_being_stirred_again_and_again_neither_hastens_nor_delays_the_beat(scene: Scene) -> None:
    # Given a reader that bears one reading a second, as POP3 does
    watched = Watched(scene)
    watched.reader.pace = SECOND
    await scene.advance(5)

    # When mail is expected every tenth of a second
    for number in range(1, 51):
        probe = await in_flight(scene, number)
        scene.flight.expect(probe.id, since=scene.clock.now())
        watched.watch.stir()
        await scene.advance(0.1)

    # Then
    distances = [later - earlier for earlier, later in pairwise(watched.reader.readings)]
    assert distances[0] == 6 * SECOND
    assert set(distances[1:]) == {SECOND}
    assert len(distances) == 5


@on_scene
async def test_there_is_a_reading_right_after_each_deadline(scene: Scene) -> None:
    watched = Watched(scene)
    probe = await in_flight(scene)
    watched.watch.stir()
    await scene.advance(10.5)
    assert watched.reader.readings[-1] == probe.deadline + MILLISECOND


@on_scene
async def test_a_reading_that_began_before_a_deadline_is_followed_by_one_after_it(scene: Scene) -> None:
    # Given a slow reading over the deadline, meanwhile the deadline is found to have passed
    watched = Watched(scene)
    probe = await in_flight(scene)
    await scene.advance(8)
    watched.reader.slow = asyncio.Event()
    scene.mailbox.deliver(b"Subject: x\r\n\r\n")
    await scene.advance(4)
    await scene.settler.settle_overdue("monitor")
    assert watched.reader.readings[-1] < probe.deadline

    # When it ends
    watched.reader.slow.set()
    await scene.advance(0.1)

    # Then there is another at once, and after that there is none
    assert watched.reader.readings[-1] == NOON + 12 * SECOND + MILLISECOND
    reads = len(watched.reader.readings)
    await scene.advance(1)
    assert len(watched.reader.readings) == reads


@on_scene
async def test_the_mark_is_remembered_only_after_the_letters_are_in_the_ledger(scene: Scene) -> None:
    probe = await in_flight(scene)
    scene.mailbox.deliver(message(probe))
    Watched(scene)
    await scene.advance(0)
    calls = scene.faults.calls
    assert calls.index("sight") < calls.index("set_mark")
    assert await scene.ledger.mark("monitor", Folder.INBOX) == Mark(1, 1)


@on_scene
async def test_a_mark_that_did_not_move_is_not_written_again(scene: Scene) -> None:
    scene.mailbox.deliver(b"Subject: x\r\n\r\n")
    Watched(scene)
    await scene.advance(300)
    assert scene.faults.calls.count("set_mark") == 1


@on_scene
async def test_letters_that_the_ledger_did_not_take_are_read_again_in_the_next_session(scene: Scene) -> None:
    # Given
    probe = await in_flight(scene)
    scene.mailbox.deliver(message(probe))
    scene.faults.failing = {"sight"}
    first = Watched(scene)
    await scene.advance(0)
    assert isinstance(first.task.exception(), ExceptionGroup | LedgerTrouble)
    assert await scene.ledger.mark("monitor", Folder.INBOX) is None
    assert first.whole == []

    # When
    scene.faults.failing = set()
    Watched(scene)
    await scene.advance(0)

    # Then
    assert (await scene.record(probe.id)).arrival


@on_scene
async def test_a_new_session_reads_on_from_the_mark(scene: Scene) -> None:
    scene.mailbox.deliver(b"Subject: x\r\n\r\n")
    first = Watched(scene)
    await scene.advance(0)
    first.task.cancel()
    told = len(scene.of(Stranger))
    Watched(scene)
    await scene.advance(0)
    assert (told, len(scene.of(Stranger))) == (1, 1)


@on_scene
async def test_a_backlog_is_worked_down_in_slices_with_rests_and_the_folder_counts_as_read_meanwhile(
    scene: Scene,
) -> None:
    watched = Watched(scene)
    watched.reader.backlog = 3
    await scene.advance(1)
    slices = [NOON + number * BETWEEN_SLICES for number in range(4)]
    assert watched.left == list(zip(slices, (3, 2, 1, 0), strict=True))
    assert watched.reader.readings == slices


@pytest.mark.parametrize("at_open", [True, False])
@on_scene
async def test_trouble_ends_the_watch_and_closes_its_session(scene: Scene, at_open: bool) -> None:
    trouble = MailboxTrouble("the server is gone")
    if at_open:
        scene.mailbox.trouble[Folder.INBOX] = trouble
    watched = Watched(scene)
    await scene.advance(1)
    scene.mailbox.trouble[Folder.INBOX] = trouble
    await scene.advance(60)
    assert watched.task.exception() is trouble
    assert not watched.reader.is_open


@on_scene
async def test_a_cancelled_watch_closes_its_session(scene: Scene) -> None:
    watched = Watched(scene)
    await scene.advance(1)
    assert watched.reader.is_open
    watched.task.cancel()
    await scene.advance(0)
    assert not watched.reader.is_open
