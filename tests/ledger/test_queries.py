"""Questions about probes: pages, the newest of each member, one probe's life."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from probe.ledger import SqlLedger, open_ledger
from probe.model.outcome import Outcome
from probe.model.probe import Judgement
from probe.model.reply import Ending
from probe.ports import Event, Movements, Query, Sighted
from tests.ledger.examples import NOON, SECOND, a_place, a_probe, a_sighting, an_attempt, judged, run, with_ledger


async def _ids(ledger: SqlLedger, query: Query) -> list[str]:
    return [record.probe.id for record in (await ledger.probes(query)).records]


@with_ledger
async def test_pages_show_every_probe_once_newest_first_though_new_ones_come_in(ledger: SqlLedger) -> None:
    # given probes of which two each started in the same microsecond
    for number in range(1, 8):
        await ledger.claim(a_probe(f"p{number}", started=NOON + number // 2 * SECOND))
    first = await ledger.probes(Query(limit=3))
    await ledger.claim(a_probe("p8", started=NOON + 60 * SECOND))
    second = await ledger.probes(Query(limit=3, before=first.next))
    third = await ledger.probes(Query(limit=3, before=second.next))
    pages = [[record.probe.id for record in page.records] for page in (first, second, third)]
    assert pages == [["p7", "p6", "p5"], ["p4", "p3", "p2"], ["p1"]]
    assert third.next is None


@with_ledger
async def test_a_page_that_is_just_full_is_the_last(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1"))
    await ledger.claim(a_probe("p2"))
    assert (await ledger.probes(Query(limit=2))).next is None


@pytest.mark.parametrize(
    "query, expected",
    [
        (Query(), ["p4", "p3", "p2", "p1"]),
        (Query(pool="mx"), ["p2"]),
        (Query(member="mta2"), ["p3"]),
        (Query(route="outbound"), ["p4"]),
        (Query(outcome=Outcome.MISSING), ["p3"]),
        (Query(pool="vip", outcome=Outcome.DELIVERED), ["p1"]),
        (Query(pool="\0\ud800"), []),
        (Query(pool="' OR 1=1 --"), []),
        (Query(limit=0), ["p4"]),
        (Query(limit=-5), ["p4"]),
        (Query(limit=10**30), ["p4", "p3", "p2", "p1"]),
    ],
)
@with_ledger
async def test_a_query_finds_what_it_asks_for(ledger: SqlLedger, query: Query, expected: list[str]) -> None:
    for probe in (
        a_probe("p1", started=NOON + SECOND),
        a_probe("p2", started=NOON + 2 * SECOND, pool="mx"),
        a_probe("p3", started=NOON + 3 * SECOND, member="mta2"),
        a_probe("p4", started=NOON + 4 * SECOND, route="outbound"),
    ):
        await ledger.claim(probe)
    await ledger.close("p1", judged(), at=NOON)
    await ledger.close("p3", judged(Outcome.MISSING), at=NOON)
    assert await _ids(ledger, query) == expected


@pytest.mark.parametrize(
    "cursor", ["", "x", "p1", "\0", "LTEgcDE", "MSAA", "ü", "MTIz", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkgcDE"]
)
@with_ledger
async def test_a_cursor_that_is_none_is_refused(ledger: SqlLedger, cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        await ledger.probes(Query(before=cursor))


@with_ledger
async def test_recent_are_the_newest_finished_of_each_route_and_member_oldest_first(ledger: SqlLedger) -> None:
    for number in range(1, 6):
        await ledger.claim(a_probe(f"p{number}"))
        await ledger.claim(a_probe(f"p{number + 10}", member="mta2"))
    for number in range(1, 5):
        await ledger.close(f"p{number}", judged(), at=NOON + number * SECOND)
    await ledger.close("p11", judged(), at=NOON + 3 * SECOND / 2)
    await ledger.close("p12", judged(), at=NOON - SECOND)
    recent = (await ledger.carried_forward(3, since=NOON)).recent
    assert [record.probe.id for record in recent] == ["p11", "p2", "p3", "p4"]


async def moved(ledger: SqlLedger, since: int) -> Movements:
    return replace(await ledger.movements(since=since), at=None)


def test_a_server_tells_what_its_clock_shows_and_a_file_has_none(url: str) -> None:
    async def story() -> datetime | None:
        async with open_ledger(url, instance="probe-a") as ledger:
            return (await ledger.movements(since=0)).at

    before, at, after = datetime.now(UTC), run(story()), datetime.now(UTC)
    if url.startswith("sqlite"):
        assert at is None
    else:
        assert at
        assert before < at < after


def test_movements_are_the_open_probes_of_others_and_all_that_was_closed_since_in_that_order(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as one, open_ledger(url, instance="probe-b") as other:
            for number in (1, 2, 3):
                await one.claim(a_probe(f"p{number}"))
            await other.claim(a_probe("p4", instance="probe-b"))
            assert await moved(one, 0) == Movements(["p4"], [], 0)
            # whatever the clocks of those say that close them
            await other.close("p2", judged(), at=NOON + SECOND)
            await one.close("p1", judged(), at=NOON)
            assert await moved(other, 0) == Movements(["p3"], ["p2", "p1"], 2)
            assert await moved(one, 1) == Movements(["p4"], ["p1"], 2)
            assert await one.close("p1", judged(), at=NOON) is None
            assert await moved(one, 2) == Movements(["p4"], [], 2)
            assert await moved(one, 3) == Movements(["p4"], ["p2", "p1"], 2)

    run(story())


@with_ledger
async def test_what_is_carried_forward_is_of_one_moment(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1"))
    await ledger.claim(a_probe("p2", instance="probe-b"))
    await ledger.claim(a_probe("p3"))
    await ledger.close("p1", judged(), at=NOON)
    carried = await ledger.carried_forward(1, since=NOON)
    assert carried.totals == await ledger.totals()
    assert [record.probe.id for record in carried.recent] == ["p1"]
    assert carried.outstanding == await ledger.outstanding()
    assert carried.closing == 1


@with_ledger
async def test_many_probes_are_returned_in_the_order_in_which_they_are_asked_for(ledger: SqlLedger) -> None:
    ids = [f"p{number}" for number in range(1100)]
    await asyncio.gather(*(ledger.claim(a_probe(each)) for each in ids))
    asked = [*reversed(ids), "nobody"]
    assert [record.probe.id for record in await ledger.records(asked)] == [*reversed(ids)]


@with_ledger
async def test_recent_begins_with_what_finished_just_then(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1"))
    await ledger.close("p1", judged(), at=NOON)
    assert len((await ledger.carried_forward(1, since=NOON)).recent) == 1
    assert (await ledger.carried_forward(1, since=NOON + SECOND / 1_000_000)).recent == []


@with_ledger
async def test_a_life_reads_as_one_timeline(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.record_attempt("p1", an_attempt(Ending.REFUSED_FOR_NOW, reason="try later"), next_attempt=NOON)
    later = replace(an_attempt(), began=NOON + 20 * SECOND)
    await ledger.record_attempt("p1", later, next_attempt=None)
    await ledger.sight(a_sighting(seen=NOON + 30 * SECOND), rescan=False)
    await ledger.close("p1", judged(), at=NOON + 30 * SECOND)
    await ledger.sight(a_sighting(place=a_place("2"), seen=NOON + 31 * SECOND), rescan=False)
    life = await ledger.life("p1")
    assert life
    assert [event.kind for event in life.events] == [
        "started",
        "deferred",
        "sent",
        "seen",
        "outcome",
        "duplicate",
    ]
    assert life.events[1].text == "try later"
    assert life.events[-2].text == "delivered: it was delivered"
    assert list(life.transcripts) == [an_attempt().transcript, later.transcript]
    assert life.record == await ledger.record("p1")


@with_ledger
async def test_a_life_tells_of_its_messages_end(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_sighting(seen=NOON - SECOND), rescan=False)
    await ledger.removed([a_place()])
    life = await ledger.life("p1")
    assert life
    assert life.events[-1] == Event(NOON, "deleted", "inbox of monitor, number 1")


@with_ledger
async def test_a_probe_without_a_mailbox_is_kept_and_told_as_one(ledger: SqlLedger) -> None:
    probe = replace(a_probe("p1", expected=Outcome.ACCEPTED), mailbox=None, bounces=None)
    await ledger.claim(probe)
    assert [record.probe for record in await ledger.outstanding()] == [probe]
    assert await ledger.sight(a_sighting("p1"), rescan=False) == (Sighted.NOT_OURS, None)

    await ledger.record_attempt("p1", an_attempt(reason="rcpt accepted: 250"), next_attempt=None)
    await ledger.close("p1", Judgement(Outcome.ACCEPTED, "rcpt accepted: 250"), at=NOON + 60 * SECOND)
    life = await ledger.life("p1")
    assert life is not None
    assert life.record.probe == probe
    assert [event.kind for event in life.events] == ["started", "accepted", "outcome"]
    assert await ledger.imbalances() == []


@pytest.mark.parametrize(
    "origin, at, told",
    [
        (None, None, [("started", NOON)]),
        ("as the config has it", None, [("started", NOON), ("address", NOON)]),
        ("by mx1.lab.test", NOON - SECOND, [("address", NOON - SECOND), ("started", NOON)]),
    ],
)
@with_ledger
async def test_a_life_tells_how_the_address_was_known(
    ledger: SqlLedger, origin: str | None, at: datetime | None, told: list[tuple[str, datetime]]
) -> None:
    await ledger.claim(replace(a_probe(), origin=origin, origin_at=at))
    life = await ledger.life("p1")
    assert life
    assert [(event.kind, event.at) for event in life.events] == told
    assert [event.text for event in life.events if event.kind == "address"] == (
        [f"127.0.0.11:2525, {origin}"] if origin else []
    )
