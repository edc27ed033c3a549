"""A member's turn, from the claim to the end of the last attempt."""

import asyncio
from dataclasses import replace

import pytest

from probe.engine.happenings import Attempted, Ended, LedgerFailed, LedgerWorks, Skipped, Started
from probe.engine.sending import Path
from probe.model.letter import Folder
from probe.model.outcome import Outcome
from probe.model.reply import Ending
from probe.model.settings import Retry
from probe.ports import Query, Tally, Total
from tests.engine.fakes import NOON
from tests.engine.scene import DEADLINE, SECOND, Scene, on_scene, way

RETRY = Retry(attempts=3, first=2 * SECOND, longest=60 * SECOND)


async def counted(scene: Scene) -> dict[Tally, int]:
    totals: list[Total] = list(await scene.ledger.totals())
    return {total.tally: total.count for total in totals if total.outcome is None}


def on_other_route() -> Path:
    return replace(way(), route=replace(way().route, name="other"))


def outcomes(scene: Scene) -> list[Outcome]:
    return [ended.record.judgement.outcome for ended in scene.of(Ended) if ended.record.judgement]


@on_scene
async def test_a_probe_is_in_the_ledger_before_it_is_sent(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    turn = scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)
    [record] = await scene.ledger.outstanding()
    assert scene.faults.calls[0] == "claim"
    assert len(scene.sender.sent) == 1
    assert scene.flight.is_sending(record.probe.id)
    scene.sender.hanging["mta1"].set()
    assert await turn == record.probe.id
    assert not scene.flight.is_sending(record.probe.id)


@on_scene
async def test_a_probe_carries_what_its_route_and_member_say(scene: Scene) -> None:
    probe_id = await scene.dispatcher.turn(way(), 7)
    probe = (await scene.record(probe_id or "")).probe
    assert (probe.key, probe.slot, probe.endpoint) == (("vip", "mta1", "inbound"), 7, "127.0.0.11:2525")
    assert (probe.started, probe.deadline) == (NOON, NOON + DEADLINE)
    assert scene.sender.sent[0].until == probe.deadline
    assert scene.of(Started)[0].probe == probe


@on_scene
async def test_a_member_that_hung_is_waited_for_less_at_its_next_tries(scene: Scene) -> None:
    scene.sender.script["mta1"] = [Ending.UNREACHABLE, Ending.UNREACHABLE, Ending.ACCEPTED, Ending.ACCEPTED]
    for slot in range(4):
        await scene.dispatcher.turn(way(), slot)
    longest = [sent.settings.timeouts.total for sent in scene.sender.sent]
    assert longest == [longest[0], 0.9 * way().route.interval, 0.9 * way().route.interval, longest[0]]
    assert longest[0] > way().route.interval


@on_scene
async def test_the_mailbox_that_a_bounce_would_come_to_is_told_to_expect_mail_as_well(scene: Scene) -> None:
    path = way()
    path = replace(path, route=replace(path.route, bounces="postmaster"))
    await scene.dispatcher.turn(path, 1)
    assert scene.expected == ["monitor", "postmaster"] * 2
    assert scene.flight.expected_since("postmaster") == scene.flight.expected_since("monitor") == NOON


@on_scene
async def test_a_mailbox_is_told_to_expect_mail_before_it_is_sent_and_when_it_was_accepted(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(2)
    assert (scene.expected, scene.flight.expected_since("monitor")) == (["monitor"], NOON)
    scene.sender.hanging["mta1"].set()
    await scene.advance(0)
    assert (scene.expected, scene.flight.expected_since("monitor")) == (["monitor"] * 2, NOON + 2 * SECOND)


@on_scene
async def test_a_member_is_not_dialled_while_its_transaction_goes_on(scene: Scene) -> None:
    # Given
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)

    # When
    skipped = await scene.dispatcher.turn(way(), 2)
    other = await scene.dispatcher.turn(way("mta2"), 2)

    # Then
    assert (skipped, other is not None) == (None, True)
    assert [sent.member for sent in scene.sender.sent] == ["mta1", "mta2"]
    assert scene.of(Skipped) == [Skipped("vip", "mta1", "inbound")]
    assert (await counted(scene))[Tally.SKIPPED] == 1
    assert scene.dispatcher.transactions == 1


@on_scene
async def test_a_member_is_dialled_again_after_its_transaction(scene: Scene) -> None:
    assert await scene.dispatcher.turn(way(), 1)
    assert await scene.dispatcher.turn(way(), 2)
    assert scene.of(Skipped) == []


@on_scene
async def test_a_turn_waits_behind_the_other_routes_of_its_member(scene: Scene) -> None:
    # Given
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)

    # When
    waiting = scene.spawn(scene.dispatcher.turn(on_other_route(), 1))
    await scene.advance(1)
    skipped = await scene.dispatcher.turn(on_other_route(), 2)
    sent_meanwhile = len(scene.sender.sent)
    scene.sender.hanging["mta1"].set()
    await scene.advance(0)

    # Then
    assert (sent_meanwhile, skipped) == (1, None)
    assert (await scene.record(await waiting or "")).probe.started == NOON + 2 * SECOND
    assert scene.of(Skipped) == [Skipped("vip", "mta1", "other")]


@on_scene
async def test_the_next_is_claimed_and_handed_over_as_soon_as_the_sender_is_ready_for_it(scene: Scene) -> None:
    # Given
    scene.sender.hanging["mta1"] = asyncio.Event()
    paths = (way(), on_other_route(), replace(way(), route=replace(way().route, name="third")))
    first, second, third = (scene.spawn(scene.dispatcher.turn(path, 1)) for path in paths)
    await scene.advance(1)
    claimed_before = len(await scene.ledger.outstanding())

    # When
    scene.sender.sent[0].ready()
    scene.sender.sent[0].ready()  # once more changes nothing
    await scene.advance(1)

    # Then: the third waits for the word of the second
    assert (claimed_before, len(scene.sender.sent), scene.dispatcher.transactions) == (1, 2, 2)
    assert len(await scene.ledger.outstanding()) == 2
    scene.sender.sent[1].ready()
    await scene.advance(1)
    assert len(scene.sender.sent) == 3
    scene.sender.hanging["mta1"].set()
    await scene.advance(0)
    assert len({await first, await second, await third}) == 3
    assert scene.dispatcher.transactions == 0


@on_scene
async def test_who_was_let_in_keeps_the_others_out_when_the_one_before_has_ended(scene: Scene) -> None:
    # Given
    releases = [asyncio.Event() for _ in range(2)]
    scene.sender.hanging["mta1"] = releases[0]
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(0)
    scene.sender.hanging["mta1"] = releases[1]
    scene.sender.sent[0].ready()
    scene.spawn(scene.dispatcher.turn(on_other_route(), 1))
    await scene.advance(0)

    # When
    releases[0].set()
    await scene.advance(0)
    scene.spawn(scene.dispatcher.turn(way(), 2))
    await scene.advance(0)

    # Then
    assert (len(scene.sender.sent), scene.dispatcher.transactions) == (2, 1)


@on_scene
async def test_nothing_is_begun_any_more_while_what_goes_on_comes_to_its_end(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    going_on = scene.spawn(scene.dispatcher.turn(way(), 1))
    waiting = scene.spawn(scene.dispatcher.turn(on_other_route(), 1))
    await scene.advance(1)

    scene.dispatcher.finish()
    scene.sender.hanging["mta1"].set()
    await scene.advance(0)

    assert await going_on
    assert (await waiting, await scene.dispatcher.turn(way("mta2"), 1)) == (None, None)
    assert (len(scene.sender.sent), scene.dispatcher.transactions) == (1, 0)


@on_scene
async def test_routes_of_a_member_take_turns(scene: Scene) -> None:
    # Given
    scene.sender.hanging["mta1"] = asyncio.Event()
    first = scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)

    # When
    second = scene.spawn(scene.dispatcher.turn(way(name="outbound"), 1))
    third = scene.spawn(scene.dispatcher.turn(way(name="outbound"), 2))
    await scene.advance(2)
    assert len(scene.sender.sent) == 1
    scene.sender.hanging.pop("mta1").set()

    # Then one that waits is not skipped, and its time begins with its own first byte
    assert await first
    second_id = await second
    assert (await scene.record(second_id)).probe.started == NOON + 3 * SECOND
    assert await third is None
    assert scene.of(Skipped) == [Skipped("vip", "mta1", "outbound")]


@on_scene
async def test_members_behind_one_vip_take_turns_whatever_their_pools(scene: Scene) -> None:
    # Given
    names = ("mta1", "mta2")
    first, second = (replace(way(name), member=replace(way(name).member, behind_vip=names)) for name in names)
    elsewhere = replace(second, member=replace(second.member, pool="other"))
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(first, 1))
    await scene.advance(1)

    # When
    waiting = [scene.spawn(scene.dispatcher.turn(path, 1)) for path in (second, elsewhere)]
    await scene.advance(1)
    sent_meanwhile = len(scene.sender.sent)
    scene.sender.hanging["mta1"].set()
    await scene.advance(1)

    # Then
    assert sent_meanwhile == 1
    assert all([await turn for turn in waiting])
    assert [sent.member for sent in scene.sender.sent] == ["mta1", "mta2", "mta2"]
    assert scene.of(Skipped) == []


@on_scene
async def test_at_the_end_nothing_new_begins_and_what_goes_on_is_kept(scene: Scene) -> None:
    # Given one that goes on, one that waits behind it, and a retry that will fall due
    scene.sender.script["mta2"] = [Ending.REFUSED_FOR_NOW]
    await scene.dispatcher.turn(way("mta2", retry=RETRY), 1)
    scene.sender.hanging["mta1"] = asyncio.Event()
    going = scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(0)
    waiting = scene.spawn(scene.dispatcher.turn(way(name="outbound"), 1))
    await scene.advance(1)

    # When
    scene.dispatcher.finish()
    scene.sender.hanging["mta1"].set()
    await scene.advance(60)

    # Then
    assert await going
    assert await waiting is None
    assert [sent.member for sent in scene.sender.sent] == ["mta2", "mta1"]
    assert scene.dispatcher.transactions == 0


@on_scene
async def test_a_turn_that_is_taken_is_not_sent(scene: Scene) -> None:
    assert await scene.dispatcher.turn(way(), 1)
    assert await scene.dispatcher.turn(way(), 1) is None
    assert len(scene.sender.sent) == 1
    assert len(scene.of(Started)) == 1


@on_scene
async def test_nothing_is_sent_while_the_ledger_fails_and_that_is_told_once(scene: Scene) -> None:
    scene.faults.failing = {"*"}
    for slot in range(3):
        assert await scene.dispatcher.turn(way(), slot) is None
    assert scene.sender.sent == []
    assert scene.told == [LedgerFailed("the disk is full")]
    scene.faults.failing = set()
    for slot in range(3):
        assert await scene.dispatcher.turn(way(), slot)
    assert scene.of(LedgerWorks) == [LedgerWorks()]


@on_scene
async def test_what_a_member_said_is_kept_however_long_the_ledger_fails(scene: Scene) -> None:
    # Given the ledger fails while a member is being talked to
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)
    scene.faults.failing = {"*"}
    scene.sender.hanging["mta1"].set()
    await scene.advance(5)
    assert scene.of(Attempted) == []

    # When
    scene.faults.failing = set()
    await scene.advance(1)

    # Then
    assert [attempted.number for attempted in scene.of(Attempted)] == [1]
    assert (len(scene.of(LedgerFailed)), len(scene.of(LedgerWorks))) == (1, 1)
    [record] = await scene.ledger.outstanding()
    assert record.sending
    assert record.sending.ending is Ending.ACCEPTED


@pytest.mark.parametrize("fails", ["record", "close"])
@on_scene
async def test_an_attempt_counts_once_when_the_ledger_fails_right_after_it(scene: Scene, fails: str) -> None:
    scene.sender.always["mta1"] = Ending.REFUSED
    scene.faults.failing = {fails}
    turn = scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(5)
    scene.faults.failing = set()
    await scene.advance(1)
    assert len(scene.of(Attempted)) == 1
    assert (await scene.record(await turn)).attempts == 1
    assert outcomes(scene) == [Outcome.REJECTED]
    assert Tally.RETRY not in await counted(scene)


@on_scene
async def test_a_sender_that_breaks_proves_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.sender.script["mta1"] = [RuntimeError("a fault of ours")]
    assert await scene.dispatcher.turn(way(), 1)
    assert outcomes(scene) == [Outcome.UNKNOWN]
    assert scene.of(Ended)[0].record.judgement
    assert "RuntimeError" in str(scene.of(Ended)[0].record.judgement)
    assert "the probe itself failed" in caplog.messages
    assert await scene.dispatcher.turn(way(), 2)


@on_scene
async def test_a_cancelled_transaction_leaves_its_probe_to_the_next_start(scene: Scene) -> None:
    scene.sender.hanging["mta1"] = asyncio.Event()
    turn = scene.spawn(scene.dispatcher.turn(way(), 1))
    await scene.advance(1)
    turn.cancel()
    await scene.advance(0)
    assert scene.dispatcher.transactions == 0
    [record] = await scene.ledger.outstanding()
    assert record.sending is None


@on_scene
async def test_a_retry_sends_the_same_bytes_again_later_and_later(scene: Scene) -> None:
    # Given
    scene.sender.script["mta1"] = [Ending.REFUSED_FOR_NOW, Ending.UNREACHABLE]
    probe_id = await scene.dispatcher.turn(way(retry=RETRY), 1)
    assert outcomes(scene) == []

    # When
    await scene.advance(9)

    # Then
    first, second, third = scene.sender.sent
    assert first.envelope == second.envelope == third.envelope
    assert first.until == second.until == third.until
    assert 2 * SECOND <= second.at - first.at <= 2.5 * SECOND
    assert 4 * SECOND <= third.at - second.at <= 5 * SECOND
    assert [attempted.number for attempted in scene.of(Attempted)] == [1, 2, 3]
    assert len(scene.of(Started)) == 1
    assert (await scene.record(probe_id or "")).attempts == 3
    assert (await counted(scene))[Tally.RETRY] == 2


@on_scene
async def test_the_last_retry_decides(scene: Scene) -> None:
    scene.sender.always["mta1"] = Ending.REFUSED_FOR_NOW
    await scene.dispatcher.turn(way(retry=RETRY), 1)
    await scene.advance(9)
    assert len(scene.sender.sent) == 3
    assert outcomes(scene) == [Outcome.DEFERRED]


@on_scene
async def test_no_retry_begins_after_the_deadline(scene: Scene) -> None:
    scene.sender.always["mta1"] = Ending.REFUSED_FOR_NOW
    await scene.dispatcher.turn(way(retry=Retry(attempts=9, first=6 * SECOND, longest=60 * SECOND)), 1)
    await scene.advance(60)
    assert len(scene.sender.sent) == 2
    assert outcomes(scene) == [Outcome.DEFERRED]


@pytest.mark.parametrize("ending", [Ending.IN_DOUBT, Ending.ACCEPTED, Ending.REFUSED, Ending.NOT_TRIED])
@on_scene
async def test_what_the_member_may_own_or_refused_for_good_is_never_sent_again(scene: Scene, ending: Ending) -> None:
    scene.sender.always["mta1"] = ending
    await scene.dispatcher.turn(way(retry=RETRY), 1)
    await scene.advance(60)
    assert len(scene.sender.sent) == 1


@on_scene
async def test_a_retry_waits_for_the_members_other_transaction(scene: Scene) -> None:
    # Given
    scene.sender.script["mta1"] = [Ending.REFUSED_FOR_NOW]
    await scene.dispatcher.turn(way(retry=RETRY), 1)
    scene.sender.hanging["mta1"] = asyncio.Event()
    scene.spawn(scene.dispatcher.turn(way(), 2))
    await scene.advance(5)
    assert len(scene.sender.sent) == 2

    # When
    scene.sender.hanging.pop("mta1").set()
    await scene.advance(2)

    # Then
    first, _, third = scene.sender.sent
    assert first.envelope == third.envelope


@on_scene
async def test_a_retry_that_another_process_took_is_not_sent(scene: Scene) -> None:
    scene.sender.script["mta1"] = [Ending.REFUSED_FOR_NOW]
    probe_id = await scene.dispatcher.turn(way(retry=RETRY), 1)
    assert await scene.ledger.begin_retry(probe_id or "")
    await scene.advance(60)
    assert len(scene.sender.sent) == 1


@on_scene
async def test_a_message_that_arrives_though_it_was_deferred_is_not_sent_again(scene: Scene) -> None:
    scene.sender.script["mta1"] = [Ending.REFUSED_FOR_NOW]
    probe_id = await scene.dispatcher.turn(way(retry=RETRY), 1)
    scene.mailbox.deliver(scene.sender.sent[0].envelope.message)
    reader = scene.mailbox.reader(Folder.INBOX, "INBOX")
    await reader.open(None, since=NOON)
    await scene.settler.take("monitor", (await reader.read()).letters, rescan=False)
    await scene.advance(60)
    assert outcomes(scene) == [Outcome.DELIVERED]
    assert len(scene.sender.sent) == 1
    assert (await scene.record(probe_id or "")).attempts == 1


@on_scene
async def test_every_probe_has_an_id_of_its_own(scene: Scene) -> None:
    ids = {await scene.dispatcher.turn(way(), slot) for slot in range(20)}
    assert len(ids) == 20
    page = await scene.ledger.probes(Query())
    assert {record.probe.id for record in page.records} == ids
