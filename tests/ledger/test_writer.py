"""What is written together, fails alone; and what a caller does never harms another."""

import asyncio
import gc
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from sqlalchemy import Connection, text

from probe.ledger import SqlLedger, open_ledger
from probe.ledger.engine import Database, DatabaseDown, connect_to
from probe.ledger.writer import Writer
from probe.model.outcome import Outcome
from probe.model.probe import Record
from probe.ports import LedgerTrouble, Tally
from tests.ledger.examples import DAY, NOON, a_probe, a_sighting, an_attempt, judged, run, with_ledger
from tests.ledger.postgres import Postgres


@with_ledger
async def test_a_thousand_claims_at_once_take_well_under_a_second(ledger: SqlLedger) -> None:
    began = time.process_time()
    claims = await asyncio.gather(*(ledger.claim(a_probe(f"p{number}")) for number in range(1000)))
    assert all(claims)
    # Processor time: the machine may be busy with other things.
    assert time.process_time() - began < 1


@with_ledger
async def test_a_call_that_cannot_be_done_fails_alone(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe("p1"))
    results = await asyncio.gather(
        ledger.claim(a_probe("p2")),
        ledger.record_attempt("p99", an_attempt(), next_attempt=None),
        ledger.sight(replace(a_sighting("p1"), size=10**30), rescan=False),
        ledger.close("p1", judged(), at=NOON),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [bool, LedgerTrouble, LedgerTrouble, Record]
    assert results[0] is True
    assert results[3] == await ledger.record("p1")
    assert await ledger.imbalances() == []
    totals = {(total.tally, total.count) for total in await ledger.totals()}
    assert totals == {(Tally.STARTED, 2), (Tally.OUTCOME, 1)}


@with_ledger
async def test_a_caller_that_is_cancelled_harms_nobody(ledger: SqlLedger) -> None:
    claims = [asyncio.create_task(ledger.claim(a_probe(f"p{number}"))) for number in range(100)]
    await asyncio.sleep(0)
    for claim in claims[::2]:
        claim.cancel()
    done = await asyncio.gather(*claims, return_exceptions=True)
    assert done[1::2] == [True] * 50
    assert all(isinstance(result, asyncio.CancelledError) for result in done[::2])
    started = {record.probe.id for record in await ledger.outstanding()}
    assert started >= {f"p{number}" for number in range(1, 100, 2)}
    assert await ledger.imbalances() == []


@with_ledger
async def test_a_caller_that_is_cancelled_while_it_reads_harms_nobody(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    for turns in range(20):
        reading = asyncio.create_task(ledger.record("p1"))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
    assert (await asyncio.gather(*(ledger.record("p1") for _ in range(5)))).count(None) == 0


def test_what_was_asked_before_the_end_is_written_and_nothing_after_it(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            claims = [asyncio.create_task(ledger.claim(a_probe(f"p{number}"))) for number in range(50)]
            await asyncio.sleep(0)
            await ledger.close_books()
            assert await asyncio.gather(*claims) == [True] * 50
            await ledger.close_books()
            with pytest.raises(LedgerTrouble, match="closed"):
                await ledger.claim(a_probe("p77"))
            with pytest.raises(LedgerTrouble, match="closed"):
                await ledger.outstanding()

    run(story())


def test_a_block_that_is_left_by_an_error_closes_the_books(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.claim(a_probe())
            raise KeyError

    with pytest.raises(KeyError):
        run(story())


def test_it_runs_on_uvloop(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await asyncio.gather(*(ledger.claim(a_probe(f"p{number}")) for number in range(20)))
            await ledger.sight(a_sighting(), rescan=False)
            assert len(await ledger.outstanding()) == 20

    uvloop.run(story())


def test_of_eight_who_read_change_and_write_no_change_is_lost(url: str) -> None:
    def raise_by_one(connection: Connection, _: object) -> None:
        number = connection.execute(text("SELECT number FROM numbers")).scalar_one()
        connection.execute(text("UPDATE numbers SET number = :number"), {"number": number + 1})

    async def one(database: Database) -> None:
        writer = Writer(database)
        for _ in range(50):
            await writer.write(raise_by_one)
        await writer.close()

    async def story() -> int:
        # given eight connections, as of eight processes
        databases = [connect_to(url) for _ in range(8)]
        await databases[0].write(lambda connection: connection.execute(text("CREATE TABLE numbers (number INTEGER)")))
        await databases[0].write(lambda connection: connection.execute(text("INSERT INTO numbers VALUES (0)")))
        await asyncio.gather(*(one(database) for database in databases))
        total: int = await databases[0].read(
            lambda connection: connection.execute(text("SELECT number FROM numbers")).scalar_one()
        )
        for database in databases:
            await database.dispose()
        return total

    assert run(story()) == 400


def test_a_server_that_drops_its_connections_is_trouble_once(postgres: Postgres) -> None:
    url = postgres.new_database()

    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await asyncio.gather(ledger.claim(a_probe("p1")), ledger.outstanding(), ledger.outstanding())
            await postgres.drop_connections()
            trouble = await asyncio.gather(
                *(ledger.claim(a_probe(f"p{number}")) for number in range(2, 9)), return_exceptions=True
            )
            assert all(isinstance(result, LedgerTrouble) for result in trouble)
            assert await ledger.claim(a_probe("p2"))
            with pytest.raises(LedgerTrouble):
                await ledger.outstanding()
            assert len(await ledger.outstanding()) == 2

    run(story())


def test_what_a_reader_does_not_wait_for_may_fail_and_nobody_is_told(postgres: Postgres) -> None:
    url = postgres.new_database()
    told: list[dict[str, Any]] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.outstanding()
            await postgres.drop_connections()
            with pytest.raises(LedgerTrouble):
                await ledger.claim(a_probe())
            reader = asyncio.create_task(ledger.outstanding())
            await asyncio.sleep(0)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await ledger.claim(a_probe())  # by then the reading has failed
            gc.collect()

    run(story())

    assert told == []


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("08006", DatabaseDown),
        ("53100", DatabaseDown),
        ("57P01", DatabaseDown),
        ("57P03", DatabaseDown),
        ("58030", DatabaseDown),
        ("22003", LedgerTrouble),
        ("57014", LedgerTrouble),
    ],
)
def test_what_the_server_is_to_blame_for_is_not_tried_again_call_by_call(
    postgres: Postgres, sqlstate: str, kind: type[LedgerTrouble]
) -> None:
    url = postgres.new_database()
    failing = text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$")

    async def story() -> None:
        database = connect_to(url)
        with pytest.raises(LedgerTrouble) as trouble:
            await database.write(lambda connection: connection.execute(failing))
        await database.dispose()
        assert type(trouble.value) is kind

    run(story())


def test_a_full_disk_is_trouble_and_when_there_is_room_again_it_goes_on(tmp_path: Path) -> None:
    path, journal = tmp_path / "a.db", tmp_path / "a.db-wal"

    async def story() -> None:
        async with open_ledger(f"sqlite:///{path}", instance="probe-a") as ledger:
            await ledger.claim(a_probe("p1"))
            with _no_larger_file_than(journal):
                failed = await asyncio.gather(
                    *(ledger.claim(a_probe(f"p{number}")) for number in range(2, 400)), return_exceptions=True
                )
                assert all(isinstance(result, LedgerTrouble) for result in failed)
                assert str(path) in str(failed[0])
                assert len(await ledger.outstanding()) == 1
            assert await ledger.claim(a_probe("p2"))
            assert await ledger.close("p1", judged(Outcome.MISSING), at=NOON + DAY)
            assert await ledger.imbalances() == []

    run(story())


@contextmanager
def _no_larger_file_than(path: Path) -> Iterator[None]:
    """Let this process write no file beyond the size of this one: a full disk without a disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
