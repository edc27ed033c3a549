"""What is deleted, and what never is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from probe.engine.happenings import DeletionRefused
from probe.engine.tidying import LARGEST_REPORT
from probe.model.letter import Folder, Place, Sighting
from probe.model.probe import Probe
from probe.model.report import Action, Report
from probe.model.settings import TagKey
from probe.ports import LedgerTrouble, MailboxTrouble
from tests.engine.fakes import FakeReader
from tests.engine.scene import KEY, Scene, a_probe, message, on_scene
from tests.engine.watched import BOX, in_flight, settled, tidier

HOUR = timedelta(hours=1)


def reader(scene: Scene) -> FakeReader:
    return scene.mailbox.reader(Folder.INBOX, "INBOX")


async def filed(scene: Scene, probe: Probe, written: bytes | None = None) -> Place:
    """Let a message lie in the inbox, and the ledger know of it."""
    place = scene.mailbox.deliver(message(probe) if written is None else written)
    await scene.ledger.sight(Sighting(probe.id, place, scene.clock.now(), None, 100), rescan=False)
    return place


def left(scene: Scene) -> int:
    return len(scene.mailbox.stored[Folder.INBOX])


@on_scene
async def test_a_settled_message_of_ours_is_deleted(scene: Scene) -> None:
    await filed(scene, await settled(scene))
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 0


REPORT = Report(Action.FAILED, "5.1.1", "mta1.lab.test")


def returned(probe: Probe, key: TagKey = KEY) -> bytes:
    """Write a report about a message."""
    return b"Return-Path: <>\r\nContent-Type: multipart/report\r\n\r\n" + message(probe, key)


async def told(scene: Scene, probe: Probe, written: bytes, *, size: int = 5000) -> None:
    """Let a report lie in the inbox, and the ledger know of it."""
    place = scene.mailbox.deliver(written)
    sighting = Sighting(probe.id, place, scene.clock.now(), None, size, report=REPORT)
    await scene.ledger.sight(sighting, rescan=False)


@on_scene
async def test_a_report_about_a_settled_message_is_deleted(scene: Scene) -> None:
    probe = await settled(scene)
    await told(scene, probe, returned(probe), size=LARGEST_REPORT)
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 0


@on_scene
async def test_a_report_about_a_message_in_flight_stays(scene: Scene) -> None:
    probe = await in_flight(scene)
    await told(scene, probe, returned(probe))
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 1


@on_scene
async def test_a_report_that_was_never_read_whole_stays(scene: Scene) -> None:
    probe = await settled(scene)
    await told(scene, probe, returned(probe), size=LARGEST_REPORT + 1)
    await scene.advance(1)
    at_work = reader(scene)
    await tidier(scene).tidy(at_work, messages=left(scene))
    assert (left(scene), at_work.removals) == (1, [])


@pytest.mark.parametrize(
    "written",
    [
        b"Return-Path: <>\r\n\r\nmail of somebody else",
        returned(a_probe(2)),
        returned(a_probe(1), TagKey("k1", b"fedcba9876543210")),
        returned(a_probe(1)).replace(b"\r\n\r\n", b"\r\n\r\nFrom: MAILER-DAEMON@lab.test\r\n", 1),
        message(a_probe(1)),
        b"Subject: Re: your test\r\n\r\n" + message(a_probe(1)),
    ],
    ids=["foreign", "another probe's", "forged", "of a bounce", "the message itself", "an answer"],
)
@on_scene
async def test_what_is_no_report_when_it_is_read_again_stays(scene: Scene, written: bytes) -> None:
    await told(scene, await settled(scene), written)
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 1


@on_scene
async def test_a_settled_message_of_another_instance_that_shares_the_ledger_is_deleted(scene: Scene) -> None:
    await filed(scene, await settled(scene, instance="probe-b"))
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 0


@on_scene
async def test_a_message_whose_probe_is_in_flight_stays(scene: Scene) -> None:
    await filed(scene, await in_flight(scene))
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 1


@pytest.mark.parametrize("after, stays", [(HOUR, 1), (HOUR + timedelta(microseconds=1), 0)])
@on_scene
async def test_a_message_is_kept_as_long_as_the_config_says(scene: Scene, after: timedelta, stays: int) -> None:
    await filed(scene, await settled(scene))
    await scene.advance(after.total_seconds())
    await tidier(scene, replace(BOX, keep=HOUR)).tidy(reader(scene), messages=left(scene))
    assert left(scene) == stays


@pytest.mark.parametrize(
    "written",
    [
        b"Subject: mail of somebody else\r\n\r\n",
        message(a_probe(2)),
        message(a_probe(1), TagKey("k1", b"fedcba9876543210")),
    ],
    ids=["foreign", "another probe's", "forged"],
)
@on_scene
async def test_what_does_not_verify_when_it_is_read_again_stays(scene: Scene, written: bytes) -> None:
    await filed(scene, await settled(scene), written)
    await scene.advance(1)
    await tidier(scene).tidy(reader(scene), messages=left(scene))
    assert left(scene) == 1


@on_scene
async def test_mail_that_the_ledger_does_not_know_is_never_asked_about(scene: Scene) -> None:
    scene.mailbox.deliver(b"Subject: mail of somebody else\r\n\r\n")
    at_work = reader(scene)
    await tidier(scene).tidy(at_work, messages=left(scene))
    assert at_work.removals == []


@on_scene
async def test_what_could_not_be_deleted_is_not_tried_again_in_this_session(scene: Scene) -> None:
    # Given
    stubborn = await filed(scene, await settled(scene))
    at_work, tidy = reader(scene), tidier(scene)
    at_work.keeps = {stubborn.uid}
    for _ in range(3):
        await scene.advance(2)
        await tidy.tidy(at_work, messages=left(scene))
    assert at_work.removals == [[stubborn]]

    # When
    other = await filed(scene, await settled(scene, 2))
    await scene.advance(2)
    await tidy.tidy(at_work, messages=left(scene))

    # Then it does not stand in the way of others
    assert at_work.removals == [[stubborn], [other]]


@on_scene
async def test_a_folder_is_tidied_once_a_second_at_most(scene: Scene) -> None:
    tidy = tidier(scene)
    for _ in range(30):
        await tidy.tidy(reader(scene), messages=left(scene))
        await scene.advance(0.1)
    assert scene.faults.calls.count("removable") == 3


@on_scene
async def test_what_is_gone_is_not_asked_about_again(scene: Scene) -> None:
    place = await filed(scene, await settled(scene))
    at_work, tidy = reader(scene), tidier(scene)
    for _ in range(3):
        await scene.advance(2)
        await tidy.tidy(at_work, messages=left(scene))
    assert at_work.removals == [[place]]


@pytest.mark.parametrize("foreign, stays, refused", [(3, 0, False), (4, 1, True)])
@on_scene
async def test_a_folder_with_more_foreign_mail_than_the_config_allows_is_left_alone_and_said_to_be(
    scene: Scene, foreign: int, stays: int, refused: bool
) -> None:
    # Given two messages of ours, of which one is due
    await filed(scene, await settled(scene))
    await filed(scene, await in_flight(scene, 2))
    tidy = tidier(scene, replace(BOX, foreign_limit=3))

    # When
    for _ in range(3):
        await scene.advance(2)
        await tidy.tidy(reader(scene), messages=left(scene) + foreign)

    # Then
    assert left(scene) == stays + 1
    said = scene.of(DeletionRefused)
    assert [each.refused for each in said] == [refused]
    assert said[0].foreign == (foreign if refused else said[0].foreign)


@on_scene
async def test_a_folder_that_no_longer_looks_like_a_persons_is_tidied_again(scene: Scene) -> None:
    await filed(scene, await settled(scene))
    tidy = tidier(scene, replace(BOX, foreign_limit=0))
    for messages in (2, 2, 1):
        await scene.advance(2)
        await tidy.tidy(reader(scene), messages=messages)
    assert left(scene) == 0
    assert [each.refused for each in scene.of(DeletionRefused)] == [True, False]


@on_scene
async def test_trouble_comes_out(scene: Scene) -> None:
    await filed(scene, await settled(scene))
    await scene.advance(1)
    scene.mailbox.trouble[Folder.INBOX] = MailboxTrouble("the server is gone")
    with pytest.raises(MailboxTrouble):
        await tidier(scene).tidy(reader(scene), messages=left(scene))
    scene.faults.failing = {"removable"}
    with pytest.raises(LedgerTrouble):
        await tidier(scene).tidy(reader(scene), messages=left(scene))
