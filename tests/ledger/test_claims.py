"""A probe is claimed once, tried, and closed once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.ledger import SqlLedger
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Judgement, Probe, Record, Sending
from probe.model.reply import Ending
from probe.ports import Event, LedgerTrouble
from tests.ledger.examples import NOON, SECOND, a_probe, a_sighting, an_attempt, judged, with_ledger


@with_ledger
async def test_a_claimed_probe_comes_back_as_it_was_given(ledger: SqlLedger) -> None:
    assert await ledger.claim(a_probe())
    assert await ledger.record("p1") == Record(a_probe())


@with_ledger
async def test_what_nobody_claimed_is_not_there(ledger: SqlLedger) -> None:
    assert await ledger.record("p1") is None
    assert await ledger.life("p1") is None


@with_ledger
async def test_a_turn_is_claimed_once(ledger: SqlLedger) -> None:
    assert await ledger.claim(a_probe("p1", slot=5))
    assert not await ledger.claim(a_probe("p2", slot=5))
    assert await ledger.record("p2") is None


@with_ledger
async def test_the_same_id_is_claimed_once(ledger: SqlLedger) -> None:
    assert await ledger.claim(a_probe("p1", slot=5))
    assert not await ledger.claim(a_probe("p1", slot=6))


@pytest.mark.parametrize(
    "other",
    [
        a_probe("p2", slot=6),
        a_probe("p2", slot=5, member="mta2"),
        a_probe("p2", slot=5, route="outbound"),
        a_probe("p2", slot=5, pool="mx"),
    ],
    ids=["slot", "member", "route", "pool"],
)
@with_ledger
async def test_another_turn_is_free(ledger: SqlLedger, other: Probe) -> None:
    await ledger.claim(a_probe("p1", slot=5))
    assert await ledger.claim(other)


@with_ledger
async def test_of_many_who_claim_a_turn_at_once_one_has_it(ledger: SqlLedger) -> None:
    claims = await asyncio.gather(*(ledger.claim(a_probe(f"p{number}", slot=1)) for number in range(40)))
    assert claims.count(True) == 1


@with_ledger
async def test_an_attempt_is_kept_with_its_sending_and_its_next_moment(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.record_attempt("p1", an_attempt(), next_attempt=NOON + 20 * SECOND)
    record = await ledger.record("p1")
    assert record
    assert record.attempts == 1
    assert record.next_attempt == NOON + 20 * SECOND
    assert record.sending == Sending(
        ending=Ending.ACCEPTED,
        stage=Stage.BODY,
        reason="250 2.0.0 queued as 4Z",
        code=250,
        enhanced_code="2.0.0",
        first_byte=NOON + SECOND,
        accepted=NOON + 2 * SECOND,
        smtp_time=timedelta(microseconds=1_000_001),
        stages={Stage.CONNECT: timedelta(milliseconds=3), Stage.BODY: timedelta(microseconds=7)},
    )


@with_ledger
async def test_the_last_attempt_is_the_one_that_counts(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.record_attempt("p1", an_attempt(), next_attempt=NOON + 20 * SECOND)
    refused = replace(an_attempt(Ending.UNREACHABLE, reason="refused"), reply=None, accepted=None, stages={})
    await ledger.record_attempt("p1", refused, next_attempt=None)
    record = await ledger.record("p1")
    assert record
    assert (record.attempts, record.next_attempt) == (2, None)
    assert record.sending
    assert (record.sending.ending, record.sending.code, record.sending.accepted) == (Ending.UNREACHABLE, None, None)


@with_ledger
async def test_one_caller_begins_a_retry_and_what_came_before_is_forgotten(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    assert not await ledger.begin_retry("p1")
    await ledger.record_attempt("p1", an_attempt(Ending.REFUSED_FOR_NOW), next_attempt=NOON + 20 * SECOND)
    begun = await asyncio.gather(*(ledger.begin_retry("p1") for _ in range(20)))
    assert begun.count(True) == 1
    assert await ledger.record("p1") == Record(a_probe(), attempts=1)


@with_ledger
async def test_a_retry_of_a_closed_probe_or_of_none_is_not_begun(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.record_attempt("p1", an_attempt(Ending.REFUSED_FOR_NOW), next_attempt=NOON + 20 * SECOND)
    await ledger.close("p1", judged(), at=NOON)
    assert not await ledger.begin_retry("p1")
    assert not await ledger.begin_retry("p9")
    record = await ledger.record("p1")
    assert record
    assert record.sending


@with_ledger
async def test_one_caller_leaves_a_retry_out_and_the_last_attempt_stays(ledger: SqlLedger) -> None:
    why = Event(NOON + 9 * SECOND, "left out", "no connection")
    await ledger.claim(a_probe())
    assert not await ledger.leave_out_retry("p1", why)
    await ledger.record_attempt("p1", an_attempt(Ending.REFUSED_FOR_NOW), next_attempt=NOON + 20 * SECOND)
    left_out = await asyncio.gather(*(ledger.leave_out_retry("p1", why) for _ in range(20)))
    assert left_out.count(True) == 1
    life = await ledger.life("p1")
    assert life
    assert (life.record.next_attempt, life.record.attempts) == (None, 1)
    assert life.record.sending
    assert list(life.events).count(why) == 1
    assert not await ledger.begin_retry("p1")


@with_ledger
async def test_notes_stand_in_the_life_of_their_probe_in_order(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    waits = [Event(NOON + seconds * SECOND, "waits", f"until {seconds}") for seconds in (9, 3)]
    for event in waits:
        await ledger.note("p1", event)
    await ledger.note("p9", waits[0])
    life = await ledger.life("p1")
    assert life
    assert [event for event in life.events if event.kind == "waits"] == waits[::-1]


@with_ledger
async def test_a_probe_that_has_its_outcome_waits_for_nothing_any_more(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.close("p1", Judgement(Outcome.DELIVERED, "seen"), at=NOON)
    await ledger.note("p1", Event(NOON + SECOND, "waits", "until tomorrow"))
    life = await ledger.life("p1")
    assert life
    assert [event.kind for event in life.events] == ["started", "outcome"]


@with_ledger
async def test_an_attempt_of_no_probe_is_trouble(ledger: SqlLedger) -> None:
    with pytest.raises(LedgerTrouble, match="there is no probe p9"):
        await ledger.record_attempt("p9", an_attempt(), next_attempt=None)


@pytest.mark.parametrize("reason", ["nul \0 within", "half a pair \ud800", "quote ' \" ; --", "ü 漢 🙂", "x" * 100_000])
@with_ledger
async def test_no_text_of_a_server_stops_the_ledger(ledger: SqlLedger, reason: str) -> None:
    await ledger.claim(a_probe())
    hostile = an_attempt(reason=reason)
    hostile = replace(hostile, transcript=tuple(replace(step, sent=reason) for step in hostile.transcript))
    await ledger.record_attempt("p1", hostile, next_attempt=None)
    life = await ledger.life("p1")
    assert life
    assert life.transcripts[0][0].sent == reason
    assert life.record.sending
    shown = reason.replace("\0", "\\x00").replace("\ud800", "\\ud800")
    assert life.record.sending.reason == shown


@with_ledger
async def test_one_caller_closes_a_probe_and_has_the_whole_record(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.record_attempt("p1", an_attempt(), next_attempt=None)
    await ledger.sight(a_sighting(), rescan=False)
    closings = await asyncio.gather(*(ledger.close("p1", judged(outcome), at=NOON + 9 * SECOND) for outcome in Outcome))
    (record,) = [record for record in closings if record]
    assert record == await ledger.record("p1")
    assert record.judgement == judged(Outcome.DELIVERED)
    assert record.finished == NOON + 9 * SECOND
    assert record.arrival == a_sighting()
    assert record.attempts == 1


@with_ledger
async def test_a_closed_probe_is_not_tried_again(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.record_attempt("p1", an_attempt(), next_attempt=NOON + 20 * SECOND)
    record = await ledger.close("p1", judged(), at=NOON)
    assert record
    assert record.next_attempt is None


@with_ledger
async def test_a_probe_nobody_knows_is_not_closed(ledger: SqlLedger) -> None:
    assert await ledger.close("p9", judged(), at=NOON) is None


@with_ledger
async def test_outstanding_are_the_probes_without_outcome_of_every_instance_oldest_first(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1", started=NOON + SECOND))
    await ledger.claim(a_probe("p2", started=NOON, instance="probe-b"))
    await ledger.claim(a_probe("p3"))
    await ledger.close("p3", judged(), at=NOON)
    assert [record.probe.id for record in await ledger.outstanding()] == ["p2", "p1"]
