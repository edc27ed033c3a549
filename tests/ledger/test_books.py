"""What is counted for ever balances: started = outcomes + in flight."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from probe.ledger import SqlLedger, open_ledger
from probe.model.letter import Folder
from probe.model.outcome import Outcome
from probe.ports import Tally, Total
from tests.ledger.examples import (
    DAY,
    NOON,
    SECOND,
    StillClock,
    a_place,
    a_probe,
    a_sighting,
    an_attempt,
    judged,
    run,
    with_ledger,
)


async def _totals(ledger: SqlLedger) -> dict[str, int]:
    return {f"{total.tally} {total.outcome or ''}".strip(): total.count for total in await ledger.totals()}


@with_ledger
async def test_nothing_is_counted_at_first(ledger: SqlLedger) -> None:
    assert await ledger.totals() == []


@with_ledger
async def test_a_claim_counts_as_started_and_a_failed_one_does_not(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1", slot=1))
    await ledger.claim(a_probe("p2", slot=1))
    assert await ledger.totals() == [Total("vip", "mta1", "inbound", Tally.STARTED, None, 1)]


@pytest.mark.parametrize(
    "expected, outcome, failed",
    [
        (Outcome.DELIVERED, Outcome.DELIVERED, False),
        (Outcome.DELIVERED, Outcome.MISSING, True),
        (Outcome.DELIVERED, Outcome.UNKNOWN, False),
        (Outcome.REJECTED, Outcome.REJECTED, False),
        (Outcome.REJECTED, Outcome.DELIVERED, True),
    ],
)
@with_ledger
async def test_an_outcome_is_counted_once_and_as_failed_when_it_was_not_expected(
    ledger: SqlLedger, expected: Outcome, outcome: Outcome, failed: bool
) -> None:
    await ledger.claim(a_probe(expected=expected))
    await ledger.close("p1", judged(outcome), at=NOON)
    await ledger.close("p1", judged(outcome), at=NOON)
    wanted = {"started": 1, f"outcome {outcome}": 1}
    assert await _totals(ledger) == (wanted | {"failed": 1} if failed else wanted)


@with_ledger
async def test_late_ones_duplicates_retries_and_skipped_turns_are_counted(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    for _ in range(3):
        await ledger.record_attempt("p1", an_attempt(), next_attempt=None)
    await ledger.close("p1", judged(Outcome.UNKNOWN), at=NOON)
    for uid in "1223":
        await ledger.sight(a_sighting(place=a_place(uid)), rescan=False)
    await ledger.count("vip", "mta1", "inbound", Tally.SKIPPED)
    assert await _totals(ledger) == {
        "started": 1,
        "retry": 2,
        "outcome unknown": 1,
        "late": 1,
        "duplicate": 2,
        "skipped": 1,
    }


@with_ledger
async def test_a_message_after_a_refusal_counts_as_nothing(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.close("p1", judged(Outcome.REJECTED), at=NOON)
    before = await ledger.totals()
    await ledger.sight(a_sighting(), rescan=False)
    assert await ledger.totals() == before


def test_totals_are_kept_per_instance_whoever_closes(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as one, open_ledger(url, instance="probe-b") as other:
            await one.claim(a_probe(instance="probe-a"))
            await other.close("p1", judged(), at=NOON)
            assert await _totals(one) == {"started": 1, "outcome delivered": 1}
            assert await other.totals() == []

    run(story())


def test_what_is_found_is_counted_once_and_for_the_instance_that_found_it(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as one, open_ledger(url, instance="probe-b") as other:
            await one.claim(a_probe(instance="probe-a"))
            await one.close("p1", judged(Outcome.MISSING), at=NOON)
            for ledger in (other, one):
                await ledger.sight(a_sighting(), rescan=False)
            assert await _totals(other) == {"late": 1}
            assert "late" not in await _totals(one)

    run(story())


@with_ledger
async def test_the_books_balance_at_every_step(ledger: SqlLedger) -> None:
    steps: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: ledger.claim(a_probe("p1")),
        lambda: ledger.claim(a_probe("p2")),
        lambda: ledger.claim(a_probe("p3", member="mta2", instance="probe-b")),
        lambda: ledger.close("p1", judged(Outcome.MISSING), at=NOON),
        lambda: ledger.sight(a_sighting("p1"), rescan=False),
        lambda: ledger.close("p3", judged(), at=NOON),
        lambda: ledger.prune(finished_before=NOON + SECOND),
    ]
    for step in steps:
        await step()
        assert await ledger.imbalances() == []


def test_books_that_do_not_balance_are_told_at_opening(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.claim(a_probe())
            # given a start that was counted and never written down
            await ledger.count("vip", "mta1", "inbound", Tally.STARTED)
            assert await ledger.imbalances() == ["probe-a vip/mta1 on inbound: +1"]
        async with open_ledger(url, instance="probe-a"):
            pass

    run(story())
    (record,) = [record for record in caplog.records if record.name.startswith("probe")]
    assert record.message == "the books do not balance"
    assert record.__dict__["where"] == "probe-a vip/mta1 on inbound: +1"


def test_old_probes_are_forgotten_but_never_their_totals_nor_open_ones(url: str) -> None:
    clock = StillClock(NOON + 5 * DAY)

    async def story() -> None:
        async with open_ledger(url, instance="probe-a", clock=clock) as ledger:
            for number in (1, 2, 3):
                await ledger.claim(a_probe(f"p{number}"))
            await ledger.record_attempt("p1", an_attempt(), next_attempt=None)
            await ledger.sight(a_sighting(), rescan=False)
            await ledger.close("p1", judged(), at=NOON)
            await ledger.close("p2", judged(), at=NOON + SECOND)
            totals = await ledger.totals()

            assert await ledger.prune(finished_before=NOON + SECOND) == 0, "a late copy could still come"
            clock.moment += SECOND
            assert await ledger.prune(finished_before=NOON) == 0
            assert await ledger.prune(finished_before=NOON + SECOND) == 1
            assert await ledger.prune(finished_before=NOON + DAY) == 1
            assert await ledger.prune(finished_before=NOON + DAY) == 0

            assert await ledger.record("p1") is None
            assert [record.probe.id for record in await ledger.outstanding()] == ["p3"]
            assert await ledger.removable("monitor", Folder.INBOX, seen_before=NOON + DAY, limit=9) == []
            assert await ledger.totals() == totals

    run(story())


def test_more_than_one_batch_is_forgotten(url: str) -> None:
    ids = [f"p{number}" for number in range(1, 1102)]

    async def story() -> None:
        async with open_ledger(url, instance="probe-a", clock=StillClock(NOON + 6 * DAY)) as ledger:
            await asyncio.gather(*(ledger.claim(a_probe(id)) for id in ids))
            await asyncio.gather(*(ledger.close(id, judged(), at=NOON) for id in ids))
            assert await ledger.prune(finished_before=NOON + SECOND) == len(ids)

    run(story())
