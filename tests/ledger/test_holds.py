"""Holds: kept for all that share the ledger."""

from datetime import timedelta

import pytest

from probe.ledger import SqlLedger, open_ledger
from probe.model.hold import Hold
from probe.model.outcome import State
from tests.ledger.examples import DAY, NOON, SECOND, StillClock, run, with_ledger

HOUR = timedelta(hours=1)
HOLD = Hold(State.DOWN, "ein neues Laufwerk \U0001f600", "ann", NOON, NOON + HOUR)
MEMBER = ("vip", "mta1")


@with_ledger
async def test_the_last_hold_on_each_member_is_kept(ledger: SqlLedger) -> None:
    assert await ledger.holds() == {}
    await ledger.set_hold(*MEMBER, HOLD)
    longer = Hold(State.UP, "it takes longer", "bob", NOON, NOON + 2 * HOUR)
    await ledger.set_hold(*MEMBER, longer)
    await ledger.set_hold("vip", "mta2", HOLD)
    assert await ledger.holds() == {MEMBER: longer, ("vip", "mta2"): HOLD}


@with_ledger
async def test_a_hold_is_released_once_and_by_whom_is_remembered(ledger: SqlLedger) -> None:
    await ledger.set_hold(*MEMBER, HOLD)
    released = Hold(State.DOWN, HOLD.why, "ann", NOON, NOON + HOUR, released=NOON + SECOND, released_by="bob")
    assert await ledger.release(*MEMBER, by="bob", at=NOON + SECOND) == released
    assert await ledger.release(*MEMBER, by="eve", at=NOON + SECOND) is None
    assert await ledger.holds() == {MEMBER: released}


@with_ledger
async def test_a_new_hold_is_not_released(ledger: SqlLedger) -> None:
    await ledger.set_hold(*MEMBER, HOLD)
    await ledger.release(*MEMBER, by="bob", at=NOON)
    await ledger.set_hold(*MEMBER, HOLD)
    assert await ledger.holds() == {MEMBER: HOLD}


@pytest.mark.parametrize("at", [NOON + HOUR, NOON + DAY])
@with_ledger
async def test_what_ended_by_itself_cannot_be_released(ledger: SqlLedger, at: object) -> None:
    await ledger.set_hold(*MEMBER, HOLD)
    assert await ledger.release(*MEMBER, by="bob", at=at) is None  # type: ignore[arg-type]  # pytest gives it
    assert await ledger.release("vip", "mta9", by="bob", at=NOON) is None


@with_ledger
async def test_holds_that_ended_are_forgotten_after_a_while(ledger: SqlLedger) -> None:
    await ledger.set_hold(*MEMBER, HOLD)
    await ledger.set_hold("vip", "mta2", HOLD)
    await ledger.release("vip", "mta2", by="bob", at=NOON + SECOND)
    await ledger.prune(finished_before=NOON + SECOND)
    assert set(await ledger.holds()) == {MEMBER, ("vip", "mta2")}
    await ledger.prune(finished_before=NOON + 2 * SECOND)
    assert set(await ledger.holds()) == {MEMBER}
    await ledger.prune(finished_before=NOON + HOUR + SECOND)
    assert await ledger.holds() == {}


def test_another_instance_on_the_same_ledger_knows_of_it(url: str) -> None:
    async def story() -> None:
        async with (
            open_ledger(url, instance="probe-a", clock=StillClock()) as one,
            open_ledger(url, instance="probe-b", clock=StillClock()) as other,
        ):
            await one.set_hold(*MEMBER, HOLD)
            assert await other.holds() == {MEMBER: HOLD}

    run(story())
