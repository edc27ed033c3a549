"""A message that is found is one thing to its probe, and is remembered until it is gone."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.ledger import SqlLedger
from probe.model.findings import Findings
from probe.model.letter import Folder
from probe.model.outcome import Outcome
from probe.ports import Sighted, Tally
from tests.ledger.examples import DAY, NOON, SECOND, a_place, a_probe, a_sighting, judged, with_ledger


@with_ledger
async def test_the_first_copy_of_an_open_probe_is_its_arrival(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    sighted, record = await ledger.sight(a_sighting(), rescan=False)
    assert sighted is Sighted.ARRIVAL
    assert record
    assert record.arrival == a_sighting()
    assert record == await ledger.record("p1")


@pytest.mark.parametrize(
    "outcome, expected",
    [
        (Outcome.MISSING, Sighted.LATE),
        (Outcome.UNKNOWN, Sighted.LATE),
        (Outcome.REJECTED, Sighted.AFTER_REFUSAL),
        (Outcome.DEFERRED, Sighted.AFTER_REFUSAL),
        (Outcome.UNREACHABLE, Sighted.AFTER_REFUSAL),
    ],
)
@with_ledger
async def test_the_first_copy_after_the_end_leaves_the_outcome(
    ledger: SqlLedger, outcome: Outcome, expected: Sighted
) -> None:
    await ledger.claim(a_probe())
    await ledger.close("p1", judged(outcome), at=NOON)
    sighted, record = await ledger.sight(a_sighting(), rescan=False)
    assert sighted is expected
    assert record
    assert record.judgement == judged(outcome)
    assert record.arrival == a_sighting()


@pytest.mark.parametrize("closed", [False, True])
@with_ledger
async def test_a_further_copy_is_a_duplicate_and_the_first_stays_the_arrival(ledger: SqlLedger, closed: bool) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_sighting(), rescan=False)
    if closed:
        await ledger.close("p1", judged(), at=NOON)
    sighted, record = await ledger.sight(a_sighting(place=a_place("2")), rescan=False)
    assert sighted is Sighted.DUPLICATE
    assert record
    assert record.arrival == a_sighting()


@with_ledger
async def test_a_copy_in_the_junk_folder_under_the_same_number_is_a_further_copy(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_sighting(), rescan=False)
    sighted, _ = await ledger.sight(a_sighting(place=a_place(folder=Folder.JUNK)), rescan=False)
    assert sighted is Sighted.DUPLICATE


@with_ledger
async def test_the_same_message_read_again_is_known(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_sighting(), rescan=False)
    sighted, record = await ledger.sight(a_sighting(seen=NOON + DAY), rescan=False)
    assert sighted is Sighted.KNOWN
    assert record
    assert record.arrival == a_sighting()


@with_ledger
async def test_of_many_readings_of_one_message_at_once_one_is_the_arrival(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    seen = await asyncio.gather(*(ledger.sight(a_sighting(), rescan=False) for _ in range(20)))
    assert sorted(sighted for sighted, _ in seen) == [Sighted.ARRIVAL] + [Sighted.KNOWN] * 19


@with_ledger
async def test_a_number_that_a_server_gives_again_is_another_message(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1"))
    await ledger.claim(a_probe("p2"))
    await ledger.sight(a_sighting("p1", a_place("1", validity=0)), rescan=False)
    sighted, _ = await ledger.sight(a_sighting("p2", a_place("1", validity=0)), rescan=False)
    assert sighted is Sighted.ARRIVAL


@pytest.mark.parametrize("after, expected", [(5 * DAY, Sighted.LATE), (5 * DAY + SECOND / 1_000_000, Sighted.NOT_OURS)])
@with_ledger
async def test_what_comes_too_late_is_not_believed(ledger: SqlLedger, after: timedelta, expected: Sighted) -> None:
    await ledger.claim(a_probe())
    sighted, _ = await ledger.sight(a_sighting(seen=NOON + after), rescan=False)
    assert sighted is expected


@pytest.mark.parametrize(
    "after, expected", [(300 * SECOND, Sighted.ARRIVAL), (300 * SECOND + SECOND / 1_000_000, Sighted.LATE)]
)
@with_ledger
async def test_what_is_seen_after_the_deadline_is_late_even_if_the_probe_is_open(
    ledger: SqlLedger, after: timedelta, expected: Sighted
) -> None:
    await ledger.claim(a_probe())
    sighted, record = await ledger.sight(a_sighting(seen=NOON + after), rescan=False)
    assert sighted is expected
    assert record
    assert record.arrival


@with_ledger
async def test_what_nobody_sent_and_what_lies_in_another_mailbox_is_not_ours(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    assert await ledger.sight(a_sighting("p9"), rescan=False) == (Sighted.NOT_OURS, None)
    elsewhere = a_sighting(place=a_place(mailbox="other"))
    assert await ledger.sight(elsewhere, rescan=False) == (Sighted.NOT_OURS, None)
    assert await ledger.record("p1") == (await ledger.outstanding())[0]


@with_ledger
async def test_a_renumbered_folder_brings_known_messages_under_new_numbers(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_sighting(), rescan=False)
    await ledger.removed([a_place()])
    moved = a_place("400", validity=8)
    sighted, record = await ledger.sight(a_sighting(place=moved, seen=NOON + DAY), rescan=True)
    assert sighted is Sighted.KNOWN
    assert record
    assert record.arrival
    assert record.arrival.place == moved
    assert record.arrival.seen == a_sighting().seen
    await ledger.close("p1", judged(), at=NOON)
    left = await ledger.removable("monitor", Folder.INBOX, seen_before=NOON + DAY, limit=10)
    assert [sighting.place for sighting in left] == [moved]


@with_ledger
async def test_two_copies_in_a_renumbered_folder_are_both_known_and_a_third_is_not(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    for uid in "12":
        await ledger.sight(a_sighting(place=a_place(uid)), rescan=False)
    again = [await ledger.sight(a_sighting(place=a_place(uid, validity=8)), rescan=True) for uid in "123"]
    assert [sighted for sighted, _ in again] == [Sighted.KNOWN, Sighted.KNOWN, Sighted.DUPLICATE]


@with_ledger
async def test_a_message_first_met_in_a_renumbered_folder_is_its_arrival(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    sighted, _ = await ledger.sight(a_sighting(), rescan=True)
    assert sighted is Sighted.ARRIVAL


@with_ledger
async def test_only_settled_messages_seen_before_then_may_be_deleted_and_once(ledger: SqlLedger) -> None:
    for number in range(1, 5):
        await ledger.claim(a_probe(f"p{number}"))
        await ledger.sight(a_sighting(f"p{number}", a_place(str(number)), seen=NOON + number * SECOND), rescan=False)
    for number in (1, 2, 4):
        await ledger.close(f"p{number}", judged(), at=NOON)

    async def uids(*, limit: int = 10, mailbox: str = "monitor", folder: Folder = Folder.INBOX) -> list[str]:
        found = await ledger.removable(mailbox, folder, seen_before=NOON + 4 * SECOND, limit=limit)
        return [sighting.place.uid for sighting in found]

    assert await uids() == ["1", "2"]
    assert await uids(limit=1) == ["1"]
    assert await uids(mailbox="other") == []
    assert await uids(folder=Folder.JUNK) == []
    await ledger.removed([a_place("1"), a_place("77")])
    assert await uids() == ["2"]
    await ledger.removed([])
    assert await uids() == ["2"]


SPF = (("spf", "pass"),)


@with_ledger
async def test_a_changed_path_counts_once_and_is_told_in_the_life(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    changed = replace(
        a_sighting(),
        findings=Findings(
            changes=("a hop is new: b",), notes=("a note",), authentication=SPF, spam=("X-Spam-Flag: YES",)
        ),
    )
    for sighting in (changed, changed, replace(changed, place=a_place("2"))):
        await ledger.sight(sighting, rescan=False)
    assert [total.count for total in await ledger.totals() if total.tally is Tally.PATH_CHANGED] == [1]
    life = await ledger.life("p1")
    assert life
    assert [(event.kind, event.text) for event in life.events][2:6] == [
        ("path changed", "a hop is new: b"),
        ("authentication", "spf=pass"),
        ("spam filter", "X-Spam-Flag: YES"),
        ("note", "a note"),
    ]
    assert life.record.arrival == changed
