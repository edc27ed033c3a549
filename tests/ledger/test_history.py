"""The history of verdicts: whole, in order, of one instance, and bounded."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from probe.ledger import SqlLedger, open_ledger
from probe.ledger.history import KEPT
from probe.model.history import Cause, Change
from probe.model.outcome import State
from probe.ports import ChangeQuery, Tally, Total
from tests.ledger.examples import DAY, NOON, SECOND, StillClock, run, with_ledger

EVERYTHING = ChangeQuery()


def a_change(
    at: datetime = NOON,
    before: State | None = State.UP,
    after: State = State.DOWN,
    *,
    member: str = "mta1",
    cause: Cause = Cause.EVIDENCE,
) -> Change:
    return Change(at, "vip", member, before, after, cause, "3 probes in a row missing", ("p2", "p1"))


@with_ledger
async def test_a_change_comes_back_as_it_was(ledger: SqlLedger) -> None:
    first = a_change(before=None, after=State.UNKNOWN, cause=Cause.START)
    held = replace(a_change(cause=Cause.HOLD), guarded=True, by="ann", hold_since=NOON, in_maintenance=True)
    await ledger.note_change(first)
    await ledger.note_change(held)
    assert (await ledger.changes(EVERYTHING)).changes == [held, first]


@with_ledger
async def test_changes_are_asked_for_by_pool_and_member_page_by_page(ledger: SqlLedger) -> None:
    for number in range(5):
        await ledger.note_change(a_change(NOON + number * SECOND, member=f"mta{number % 2}"))
    await ledger.note_change(replace(a_change(), pool="mx"))

    assert len((await ledger.changes(ChangeQuery("vip"))).changes) == 5
    page = await ledger.changes(ChangeQuery("vip", "mta0", limit=2))
    assert [change.at for change in page.changes] == [NOON + 4 * SECOND, NOON + 2 * SECOND]
    rest = await ledger.changes(ChangeQuery("vip", "mta0", limit=2, before=page.next))
    assert ([change.at for change in rest.changes], rest.next) == ([NOON], None)


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1 OR 1=1", "１", "9" * 19])
@with_ledger
async def test_a_cursor_that_is_none_is_refused(ledger: SqlLedger, cursor: str) -> None:
    with pytest.raises(ValueError, match="this is no cursor of an earlier page"):
        await ledger.changes(ChangeQuery(before=cursor))
    assert (await ledger.changes(ChangeQuery(before="9" * 18))).changes == []


@with_ledger
async def test_the_last_change_of_each_member_is_known(ledger: SqlLedger) -> None:
    await ledger.note_change(a_change())
    newest = a_change(NOON, State.DOWN, State.UP)
    await ledger.note_change(newest)
    await ledger.note_change(other := a_change(member="mta2"))
    assert list(await ledger.last_changes()) == [newest, other]


@with_ledger
async def test_changes_of_the_state_are_counted_for_ever(ledger: SqlLedger) -> None:
    await ledger.note_change(a_change(before=None, after=State.UP))
    await ledger.note_change(a_change(before=State.UP, after=State.UP, cause=Cause.GUARD))
    for _ in range(2):
        await ledger.note_change(a_change(NOON - DAY))
    await ledger.prune(finished_before=NOON)
    assert list(await ledger.totals()) == [Total("vip", "mta1", "", Tally.STATE_CHANGED, None, 2)]
    assert await ledger.imbalances() == []


@with_ledger
async def test_the_turns_by_evidence_are_told_to_who_looks_for_flapping(ledger: SqlLedger) -> None:
    await ledger.note_change(a_change(NOON - DAY))
    for number, change in enumerate(
        (
            a_change(),
            a_change(before=State.DOWN, after=State.UP, cause=Cause.GUARD),
            a_change(before=State.UP, after=State.UP, cause=Cause.GUARD),
            a_change(before=State.UP, after=State.DOWN, cause=Cause.HOLD),
            a_change(before=State.DOWN, after=State.UP, cause=Cause.RELEASE),
            a_change(before=State.UP, after=State.UNKNOWN, cause=Cause.STALENESS),
            a_change(before=State.UNKNOWN, after=State.UP),
            a_change(before=State.UP, after=State.UNKNOWN, cause=Cause.START),
            a_change(before=State.UNKNOWN, after=State.DOWN),
        )
    ):
        await ledger.note_change(replace(change, at=NOON + number * SECOND))
    assert await ledger.turns(since=NOON) == {("vip", "mta1"): [NOON, NOON + SECOND, NOON + 8 * SECOND]}


@with_ledger
async def test_who_is_kept_up_has_not_turned(ledger: SqlLedger) -> None:
    kept_up = replace(a_change(before=State.DOWN, after=State.UP, cause=Cause.GUARD), guarded=True)
    for change in (a_change(), kept_up, a_change(), kept_up, a_change()):
        await ledger.note_change(change)
    assert await ledger.turns(since=NOON) == {("vip", "mta1"): [NOON]}


@with_ledger
async def test_old_changes_are_forgotten_but_for_the_last_one(ledger: SqlLedger) -> None:
    for age in (3, 2):
        await ledger.note_change(a_change(NOON - age * DAY))
        await ledger.note_change(a_change(NOON - age * DAY, member="mta2"))
    await ledger.note_change(a_change(NOON))
    await ledger.prune(finished_before=NOON - DAY)
    kept = (await ledger.changes(EVERYTHING)).changes
    assert [(change.member, change.at) for change in kept] == [("mta1", NOON), ("mta2", NOON - 2 * DAY)]


@with_ledger
async def test_so_many_are_kept_of_a_member_and_no_more(ledger: SqlLedger) -> None:
    many = [a_change(NOON + number * SECOND) for number in range(KEPT + 2)]
    await asyncio.gather(*map(ledger.note_change, many))
    await ledger.note_change(a_change(member="mta2"))
    await ledger.prune(finished_before=NOON - DAY)
    kept = await ledger.changes(ChangeQuery("vip", "mta1", limit=KEPT))
    assert (list(kept.changes), kept.next) == (many[:1:-1], None)
    assert len((await ledger.changes(ChangeQuery("vip", "mta2"))).changes) == 1


def test_each_instance_has_a_history_of_its_own(url: str) -> None:
    async def story() -> None:
        async with (
            open_ledger(url, instance="probe-a", clock=StillClock()) as one,
            open_ledger(url, instance="probe-b", clock=StillClock()) as other,
        ):
            await one.note_change(a_change())
            assert (await other.changes(EVERYTHING)).changes == []
            assert await other.last_changes() == []
            assert await other.turns(since=NOON) == {}

    run(story())
