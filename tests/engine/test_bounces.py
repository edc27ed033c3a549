"""What comes back of a message, and what it is to its probe."""

import pytest

from probe.engine.happenings import Ended, Seen, Stranger
from probe.model.letter import Folder, Kind, Letter, Place
from probe.model.outcome import Outcome
from probe.model.probe import Probe, Record
from probe.model.reply import Ending
from probe.model.settings import TagKey
from probe.ports import Sighted
from tests.engine.fakes import attempt
from tests.engine.scene import DEADLINE, KEY, Scene, a_probe, message, on_scene

FORGER = TagKey("k1", b"fedcba9876543210")


def back(scene: Scene, probe: Probe, told: str = "failed 5.1.1", *, uid: str = "9", key: TagKey = KEY) -> Letter:
    """A report as the fake reader understands it, with the message inside."""
    header = f"Return-Path: <>\r\nContent-Type: multipart/report\r\nSubject: {told}\r\n\r\n".encode()
    return Letter(Place("monitor", Folder.INBOX, 1, uid), 999, scene.clock.now(), None, header, message(probe, key))


def arrived(scene: Scene, probe: Probe) -> Letter:
    header, _, body = message(probe).partition(b"\r\n\r\n")
    return Letter(Place("monitor", Folder.INBOX, 1, "1"), 999, scene.clock.now(), None, header + b"\r\n\r\n", body)


async def accepted(scene: Scene, probe: Probe | None = None) -> None:
    probe = probe or a_probe()
    assert await scene.ledger.claim(probe)
    scene.flight.put(Record(probe))
    await scene.settler.attempted(probe, attempt(Ending.ACCEPTED), number=1, next_attempt=None)
    await scene.settler.settle(probe)


async def take(scene: Scene, *letters: Letter) -> None:
    await scene.settler.take("monitor", letters, rescan=False)


def ends(scene: Scene) -> list[tuple[Outcome, str]]:
    judged = (ended.record.judgement for ended in scene.of(Ended))
    return [(judgement.outcome, judgement.reason) for judgement in judged if judgement]


def kinds(scene: Scene) -> list[Kind]:
    return [stranger.kind for stranger in scene.of(Stranger)]


@on_scene
async def test_a_bounce_ends_its_probe_at_once_and_says_why(scene: Scene) -> None:
    await accepted(scene)
    await take(scene, back(scene, a_probe()))
    assert ends(scene) == [(Outcome.BOUNCED, "bounced by mta1.lab.test: 5.1.1")]
    assert scene.flight.all() == []


@on_scene
async def test_a_bounce_of_another_instance_ends_its_probe_where_that_shares_the_ledger(scene: Scene) -> None:
    theirs, nobodys = a_probe(instance="probe-b"), a_probe(2, instance="probe-b")
    await accepted(scene, theirs)
    await take(scene, back(scene, theirs), back(scene, nobodys, uid="10"))
    assert [outcome for outcome, _ in ends(scene)] == [Outcome.BOUNCED]
    assert kinds(scene) == [Kind.OTHER_INSTANCE]


@on_scene
async def test_a_delay_is_told_and_ends_nothing(scene: Scene) -> None:
    await accepted(scene)
    await take(scene, back(scene, a_probe(), "delayed 4.4.1"))
    assert [seen.what for seen in scene.of(Seen)] == [Sighted.REPORT]
    assert ends(scene) == []
    await take(scene, arrived(scene, a_probe()))
    assert [outcome for outcome, _ in ends(scene)] == [Outcome.DELIVERED]


@pytest.mark.parametrize("bounce_first", [True, False])
@on_scene
async def test_of_a_message_and_a_bounce_that_are_read_together_the_message_wins(
    scene: Scene, bounce_first: bool
) -> None:
    await accepted(scene)
    both = [back(scene, a_probe()), arrived(scene, a_probe())]
    await take(scene, *(both if bounce_first else reversed(both)))
    assert [outcome for outcome, _ in ends(scene)] == [Outcome.DELIVERED]
    assert [seen.what for seen in scene.of(Seen)] == [Sighted.ARRIVAL, Sighted.REPORT]


@on_scene
async def test_a_bounce_that_comes_before_the_reply_ends_the_probe_when_the_reply_comes(scene: Scene) -> None:
    assert await scene.ledger.claim(a_probe())
    scene.flight.put(Record(a_probe()))
    scene.flight.sending(a_probe().id, on=True)
    await take(scene, back(scene, a_probe()))
    assert ends(scene) == []
    await scene.settler.attempted(a_probe(), attempt(Ending.IN_DOUBT), number=1, next_attempt=None)
    await scene.settler.settle(a_probe())
    assert [outcome for outcome, _ in ends(scene)] == [Outcome.BOUNCED]


@on_scene
async def test_a_bounce_after_the_end_changes_nothing_and_is_told(scene: Scene) -> None:
    # Given one probe that is missing and one that was delivered
    for number in (1, 2):
        await accepted(scene, a_probe(number))
    await take(scene, arrived(scene, a_probe(2)))
    await scene.advance(DEADLINE.total_seconds() + 1)
    await scene.settler.watched("monitor", scene.clock.now())
    before = ends(scene)

    # When
    await take(scene, back(scene, a_probe(1), uid="8"), back(scene, a_probe(2), uid="9"))

    # Then
    assert [seen.what for seen in scene.of(Seen)[1:]] == [Sighted.LATE_BOUNCE, Sighted.REPORT]
    assert ends(scene) == before
    assert [outcome for outcome, _ in before] == [Outcome.DELIVERED, Outcome.MISSING]


@on_scene
async def test_a_forged_bounce_does_nothing(scene: Scene) -> None:
    await accepted(scene)
    await take(scene, back(scene, a_probe(), key=FORGER))
    assert (ends(scene), kinds(scene)) == ([], [Kind.FORGED])


@on_scene
async def test_a_bounce_in_another_mailbox_than_the_routes_does_nothing(scene: Scene) -> None:
    await accepted(scene, a_probe(bounces="postmaster"))
    await take(scene, back(scene, a_probe()))
    assert (ends(scene), kinds(scene)) == ([], [Kind.FOREIGN])


@on_scene
async def test_what_cannot_be_made_out_is_counted_as_a_reply_once(scene: Scene) -> None:
    await accepted(scene)
    for _ in range(2):
        await take(scene, back(scene, a_probe(), "hello"))
    assert (ends(scene), kinds(scene)) == ([], [Kind.REPLY])


@on_scene
async def test_a_probe_that_expects_a_bounce_succeeds_by_it(scene: Scene) -> None:
    await accepted(scene, a_probe(expected=Outcome.BOUNCED))
    await take(scene, back(scene, a_probe()))
    assert [ended.record.succeeded for ended in scene.of(Ended)] == [True]
