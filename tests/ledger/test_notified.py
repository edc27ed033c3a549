"""What endpoints were told: the last of it, for each of them, of one instance."""

from sqlalchemy import Connection, text

from probe.ledger import SqlLedger, open_ledger
from probe.ledger.engine import connect_to
from probe.model.alarm import Alarm, AlarmKey, AlarmKind
from tests.ledger.examples import NOON, run, with_ledger

DOWN = Alarm(AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", "vip"), ("member", "mta1"))), "so it\0 is \U0001f600", NOON)
FAILS = Alarm(AlarmKey(AlarmKind.LEDGER_FAILS, ()), "the disk is full")


@with_ledger
async def test_the_last_that_each_endpoint_was_told_is_kept(ledger: SqlLedger) -> None:
    assert await ledger.alarms_told("one") == []
    await ledger.set_alarms_told("one", [FAILS])
    await ledger.set_alarms_told("one", [DOWN, FAILS])
    await ledger.set_alarms_told("other", [FAILS])
    assert (await ledger.alarms_told("one"), await ledger.alarms_told("other")) == ([DOWN, FAILS], [FAILS])
    await ledger.set_alarms_told("one", [])
    assert (await ledger.alarms_told("one"), await ledger.alarms_told("other")) == ([], [FAILS])


def test_what_one_instance_has_told_another_one_has_not(url: str) -> None:
    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as one, open_ledger(url, instance="probe-b") as other:
            await one.set_alarms_told("one", [DOWN])
            assert await other.alarms_told("one") == []

    run(story())


def test_alarms_that_this_version_does_not_know_are_left_out(url: str) -> None:
    def of_another_version(connection: Connection) -> None:
        renamed = "CAST(REPLACE(CAST(alarms AS TEXT), 'MailflowLedgerFails', 'MailflowMoonFails') AS {})"
        kind = "JSON" if connection.dialect.name == "postgresql" else "TEXT"
        connection.execute(text(f"UPDATE notified SET alarms = {renamed.format(kind)}"))

    async def story() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.set_alarms_told("one", [DOWN, FAILS])
            database = connect_to(url)
            await database.write(of_another_version)
            await database.dispose()
            assert await ledger.alarms_told("one") == [DOWN]

    run(story())
