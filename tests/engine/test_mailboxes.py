"""Keeping a mailbox under watch through all trouble."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from probe.engine.happenings import Ended, FolderRead, LedgerFailed, MailboxFailed
from probe.engine.mailboxes import FIRST_BACK_OFF, LONGEST_BACK_OFF
from probe.model.letter import Folder
from probe.model.outcome import Outcome
from probe.ports import MailboxBusy, MailboxTrouble
from tests.engine.fakes import NOON
from tests.engine.scene import DEADLINE, SECOND, Scene, message, on_scene
from tests.engine.watched import in_flight, mailbox_watch

GONE = MailboxTrouble("the server is gone")


def logins(scene: Scene) -> list[timedelta]:
    return [later - earlier for earlier, later in pairwise(scene.mailbox.logins)]


@on_scene
async def test_all_folders_are_watched_in_sessions_of_their_own(scene: Scene) -> None:
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(1)
    assert [reader.folder for reader in scene.mailbox.readers] == [Folder.INBOX, Folder.JUNK]
    read = sorted(scene.of(FolderRead), key=lambda read: read.folder)
    assert read == [FolderRead("monitor", folder, NOON, 0) for folder in scene.mailbox.present]


@on_scene
async def test_trouble_is_told_and_tried_again_later_and_later(scene: Scene) -> None:
    scene.mailbox.trouble[None] = GONE
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(60)
    expected = [FIRST_BACK_OFF * 2**doublings for doublings in range(5)]
    assert logins(scene)[:5] == expected
    assert set(logins(scene)[5:]) == {LONGEST_BACK_OFF}
    assert set(scene.of(MailboxFailed)) == {MailboxFailed("monitor", "the server is gone")}


@on_scene
async def test_a_complete_reading_makes_the_distances_short_again(scene: Scene) -> None:
    # Given
    scene.mailbox.trouble[None] = GONE
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(30)
    scene.mailbox.trouble.clear()
    await scene.advance(LONGEST_BACK_OFF.total_seconds())

    # When
    scene.mailbox.logins.clear()
    scene.mailbox.trouble[Folder.JUNK] = GONE
    await scene.advance(31)

    # Then
    assert scene.mailbox.logins[0] - scene.of(FolderRead)[-1].at <= 31 * SECOND
    assert logins(scene)[0] == 2 * FIRST_BACK_OFF


@on_scene
async def test_a_mailbox_of_which_one_folder_can_be_read_is_not_called_readable(scene: Scene) -> None:
    scene.mailbox.trouble[Folder.JUNK] = GONE
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(30)
    assert any(inbox.readings for inbox in scene.mailbox.of(Folder.INBOX))
    assert set(scene.of(MailboxFailed)) == {MailboxFailed("monitor", "the server is gone")}
    assert scene.of(FolderRead) == []


@on_scene
async def test_trouble_in_one_folder_begins_both_anew(scene: Scene) -> None:
    scene.mailbox.trouble[Folder.JUNK] = GONE
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(0.1)
    scene.mailbox.trouble.clear()
    await scene.advance(1)
    assert [reader.is_open for reader in scene.mailbox.readers] == [False, False, True, True]


@on_scene
async def test_a_ledger_that_fails_is_no_outage_of_the_mailbox_but_is_waited_for(scene: Scene) -> None:
    # Given a probe that is overdue cannot be closed
    probe = await in_flight(scene)
    scene.spawn(mailbox_watch(scene).run())
    scene.faults.failing = {"close"}

    # When
    await scene.advance(60)

    # Then
    assert scene.of(MailboxFailed) == []
    assert logins(scene)[-1] == LONGEST_BACK_OFF
    assert scene.of(LedgerFailed) == [LedgerFailed("the disk is full")]
    scene.faults.failing = set()
    await scene.advance(LONGEST_BACK_OFF.total_seconds())
    assert [ended.record.probe.id for ended in scene.of(Ended)] == [probe.id]


@on_scene
async def test_a_mailbox_that_is_in_use_by_somebody_else_is_not_out_of_order(scene: Scene) -> None:
    scene.mailbox.trouble[Folder.INBOX] = MailboxBusy("it is locked")
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(10)
    assert len(scene.mailbox.logins) > 2
    assert scene.of(MailboxFailed) == []


@on_scene
async def test_a_mailbox_counts_as_watched_only_when_all_its_folders_were_read(scene: Scene) -> None:
    # Given the junk folder does not answer any more when its deadline is still to come
    probe = await in_flight(scene)
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(1)
    [inbox], [junk] = scene.mailbox.of(Folder.INBOX), scene.mailbox.of(Folder.JUNK)
    junk.slow = before = asyncio.Event()
    junk.wake()

    # When only the inbox is read after the deadline
    await scene.advance(DEADLINE.total_seconds() + 0.5)
    assert junk.readings[-1] < probe.deadline < inbox.readings[-1]
    # Then
    assert scene.of(Ended) == []

    # When the junk folder answers what was asked before the deadline
    junk.slow = after = asyncio.Event()
    before.set()
    await scene.advance(0.5)
    assert junk.readings[-1] > probe.deadline
    # Then
    assert scene.of(Ended) == []

    # When it answers what was asked after the deadline
    after.set()
    await scene.advance(0.5)
    # Then
    [ended] = scene.of(Ended)
    assert (ended.record.probe.id, ended.record.judgement and ended.record.judgement.outcome) == (
        probe.id,
        Outcome.UNKNOWN,
    )


@on_scene
async def test_messages_are_looked_for_since_the_oldest_probe_in_flight(scene: Scene) -> None:
    await in_flight(scene)
    await scene.advance(60)
    scene.spawn(mailbox_watch(scene).run())
    await scene.advance(0)
    assert {reader.since for reader in scene.mailbox.readers} == {NOON}


@on_scene
async def test_stirring_a_mailbox_stirs_its_folders(scene: Scene) -> None:
    watch = mailbox_watch(scene)
    watch.stir()
    scene.spawn(watch.run())
    await scene.advance(1)
    probe = await in_flight(scene)
    scene.flight.expect(probe.id, since=scene.clock.now())
    scene.mailbox.deliver(message(probe), push=False)
    watch.stir()
    await scene.advance(0.1)
    assert [reader.readings[1] - NOON for reader in scene.mailbox.readers] == [
        SECOND + reader.pace for reader in scene.mailbox.readers
    ]
    assert (await scene.record(probe.id)).judgement


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
@on_scene
async def test_what_was_read_before_the_clock_was_set_says_nothing_of_what_comes_after(
    scene: Scene, by: timedelta
) -> None:
    # Given both folders were read, and the clock was set
    watch = mailbox_watch(scene)
    scene.spawn(watch.run())
    await scene.advance(1)
    scene.clock.set_wall(by)
    step = scene.clock.stepped()
    await scene.settler.clock_set(step)
    watch.clock_set()

    # When only the inbox answers from then on
    [inbox], [junk] = scene.mailbox.of(Folder.INBOX), scene.mailbox.of(Folder.JUNK)
    junk.slow = asyncio.Event()
    probe = await in_flight(scene)
    await scene.advance((DEADLINE + 2 * SECOND).total_seconds())
    inbox.wake()
    await scene.advance(1)

    # Then
    assert inbox.readings[-1] > probe.deadline
    assert scene.of(Ended) == []
