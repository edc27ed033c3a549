"""What is remembered from one start to the next."""

import asyncio
from datetime import timedelta

from probe.ledger import SqlLedger, open_ledger
from probe.model.letter import Folder
from probe.model.outcome import State
from probe.model.verdict import Verdict
from probe.ports import Ledger, Mark
from tests.ledger.examples import NOON, SECOND, run, with_ledger


@with_ledger
async def test_it_keeps_the_contract_of_the_engine(ledger: SqlLedger) -> None:
    kept: Ledger = ledger  # mypy compares every method
    assert await kept.outstanding() == []


@with_ledger
async def test_a_folder_never_read_has_no_mark(ledger: SqlLedger) -> None:
    assert await ledger.mark("monitor", Folder.INBOX) is None


@with_ledger
async def test_the_last_mark_of_each_folder_is_kept(ledger: SqlLedger) -> None:
    await ledger.set_mark("monitor", Folder.INBOX, Mark(7, 1))
    await ledger.set_mark("monitor", Folder.INBOX, Mark(2**32 - 1, 2**32 - 1))
    await ledger.set_mark("monitor", Folder.JUNK, Mark(7, 3))
    assert await ledger.mark("monitor", Folder.INBOX) == Mark(2**32 - 1, 2**32 - 1)
    assert await ledger.mark("monitor", Folder.JUNK) == Mark(7, 3)


@with_ledger
async def test_a_mark_remembers_what_is_left_to_be_read_until_it_is_read(ledger: SqlLedger) -> None:
    gaps = ((1, 250), (2**32 - 2, 2**32 - 1))
    await ledger.set_mark("monitor", Folder.INBOX, Mark(7, 500, gaps))
    assert await ledger.mark("monitor", Folder.INBOX) == Mark(7, 500, gaps)
    await ledger.set_mark("monitor", Folder.INBOX, Mark(7, 500))
    assert await ledger.mark("monitor", Folder.INBOX) == Mark(7, 500)


def test_what_one_instance_has_read_is_not_read_for_another(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as one, open_ledger(url, instance="probe-b") as other:
            await one.set_mark("monitor", Folder.INBOX, Mark(7, 1))
            assert await other.mark("monitor", Folder.INBOX) is None

    run(story())


@with_ledger
async def test_the_last_verdict_of_each_member_is_kept(ledger: SqlLedger) -> None:
    first = Verdict(State.UP, "fine", NOON)
    second = Verdict(State.DOWN, "3 probes in a row missing", NOON, ("p2", "p1"), NOON - SECOND, guarded=True)
    assert await ledger.verdicts() == {}
    await ledger.set_verdict("vip", "mta1", first)
    await ledger.set_verdict("vip", "mta1", second)
    await ledger.set_verdict("mx", "mta1", first)
    assert await ledger.verdicts() == {("vip", "mta1"): second, ("mx", "mta1"): first}


@with_ledger
async def test_those_who_ask_first_together_get_one_key(ledger: SqlLedger) -> None:
    keys = await asyncio.gather(*(ledger.tag_key() for _ in range(20)))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32


def test_the_key_and_the_books_are_still_there_after_a_restart(url: str) -> None:
    async def key() -> bytes:
        async with open_ledger(url, instance="probe-a") as ledger:
            return await ledger.tag_key()

    assert run(key()) == run(key())


def test_two_ledgers_have_two_keys(tmp_path: object) -> None:
    async def key(name: str) -> bytes:
        async with open_ledger(f"sqlite:///{tmp_path}/{name}.db", instance="probe-a") as ledger:
            return await ledger.tag_key()

    assert run(key("one")) != run(key("two"))


@with_ledger
async def test_moments_are_kept_to_the_microsecond(ledger: SqlLedger) -> None:
    since = NOON + timedelta(microseconds=1)
    await ledger.set_verdict("vip", "mta1", Verdict(State.UP, "fine", since))
    assert (await ledger.verdicts())["vip", "mta1"].since == since
