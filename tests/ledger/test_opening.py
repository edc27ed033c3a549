"""A ledger opens, or says in one sentence why it does not."""

import asyncio
import os
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from probe.ledger import open_ledger
from probe.ledger.engine import connect_to
from probe.ledger.migrations import MIGRATIONS, prepare
from probe.ledger.schema import schema
from probe.model.findings import NOTHING_FOUND
from probe.model.letter import Folder
from probe.model.outcome import Outcome, State
from probe.model.probe import Judgement, Record
from probe.ports import Event, LedgerTrouble, Mark
from tests.ledger.examples import NOON, a_probe, a_sighting, run

NEWEST = 1 + len(MIGRATIONS)

_READ_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM probes").fetchall()
connection.close()
"""


async def _open(url: str) -> None:
    async with open_ledger(url, instance="probe-a"):
        pass


def _refusal(url: str) -> str:
    with pytest.raises(LedgerTrouble) as trouble:
        run(_open(url))
    return str(trouble.value)


def test_what_was_written_is_there_after_a_restart(url: str) -> None:
    async def write() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.claim(a_probe())

    async def read() -> int:
        async with open_ledger(url, instance="probe-a") as ledger:
            return len(await ledger.outstanding())

    run(write())
    assert run(read()) == 1


def test_two_can_open_it_at_once_for_the_first_time(url: str) -> None:
    async def both() -> None:
        async with open_ledger(url, instance="probe-a") as one, open_ledger(url, instance="probe-a") as other:
            assert await one.claim(a_probe())
            assert not await other.claim(a_probe("p2", slot=1))

    run(both())


def test_to_open_it_again_writes_nothing_so_that_it_can_be_read_on_a_full_disk(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mailflow.db"
    run(_open(url))
    with closing(sqlite3.connect(tmp_path / "mailflow.db")) as watching:
        before = watching.execute("PRAGMA data_version").fetchone()
        run(_open(url))
        assert watching.execute("PRAGMA data_version").fetchone() == before


def _versions(url: str, *migrations: object) -> list[int]:
    async def migrated() -> list[int]:
        database = connect_to(url)
        try:
            await database.write(lambda connection: prepare(connection, migrations))  # type: ignore[arg-type]
            return await database.read(lambda connection: list(connection.execute(select(schema.c.version)).scalars()))
        finally:
            await database.dispose()

    return run(migrated())


def test_a_new_ledger_has_the_newest_version(url: str) -> None:
    run(_open(url))
    assert _versions(url, *MIGRATIONS) == [NEWEST]


def test_migrations_are_run_in_order_once_each(url: str) -> None:
    ran = []

    def make(connection: Connection) -> None:
        ran.append("make")
        connection.execute(text("CREATE TABLE extra (number INTEGER)"))

    def fill(connection: Connection) -> None:
        ran.append("fill")
        connection.execute(text("INSERT INTO extra VALUES (1)"))

    assert _versions(url) == [1]
    assert _versions(url, make) == [2]
    assert _versions(url, make, fill) == [3]
    assert _versions(url, make, fill) == [3]
    assert ran == ["make", "fill"]


def test_the_marks_of_a_first_ledger_are_kept_and_have_no_gaps(url: str) -> None:
    def as_it_was(connection: Connection) -> None:
        _back_to_the_first_version(connection)
        connection.execute(text("INSERT INTO marks VALUES ('probe-a', 'monitor', 'inbox', 7, 3)"))

    async def marks() -> tuple[Mark | None, Mark | None]:
        async with open_ledger(url, instance="probe-a") as ledger:
            before = await ledger.mark("monitor", Folder.INBOX)
            await ledger.set_mark("monitor", Folder.INBOX, Mark(7, 5, ((1, 2),)))
            return before, await ledger.mark("monitor", Folder.INBOX)

    run(_open(url))
    run(_change(url, as_it_was))
    assert run(marks()) == (Mark(7, 3), Mark(7, 5, ((1, 2),)))


def test_a_first_ledger_learns_to_keep_notes(url: str) -> None:
    async def claimed() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.claim(a_probe())

    async def noted() -> list[Event]:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.note("p1", Event(NOON, "waits", "for a while"))
            life = await ledger.life("p1")
            assert life
            return [event for event in life.events if event.kind == "waits"]

    run(claimed())
    run(_change(url, _back_to_the_first_version))
    assert run(noted()) == [Event(NOON, "waits", "for a while")]


def test_a_ledger_that_the_first_version_wrote_is_opened_whole(tmp_path: Path) -> None:
    # Given a file as that program left it
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript((Path(__file__).parent / "first_version.sql").read_text())

    # When
    async def read() -> None:
        async with open_ledger(f"sqlite:///{old}", instance="probe-a") as ledger:
            settled, life = await ledger.record("p1"), await ledger.life("p1")
            assert settled
            assert settled.judgement == Judgement(Outcome.DELIVERED, "seen")
            assert settled.arrival
            assert settled.arrival.place == a_sighting().place
            assert life
            assert [exchange.sent for exchange in life.transcripts[0]] == ["MAIL FROM:<a@b>"]
            [waiting] = await ledger.outstanding()
            assert (waiting.probe.bounces, waiting.probe.body_digest) == ("monitor", None)
            assert await ledger.begin_retry(waiting.probe.id)
            assert await ledger.mark("monitor", Folder.INBOX) == Mark(7, 3)
            assert {verdict.state for verdict in (await ledger.verdicts()).values()} == {State.UP}
            assert await ledger.tag_key() == bytes(32)
            assert await ledger.imbalances() == []

    run(read())

    # Then it is made like a new one
    run(_open(f"sqlite:///{new}"))
    assert _columns(old) == _columns(new)


def _columns(ledger: Path) -> dict[str, set[tuple[str, str]]]:
    with closing(sqlite3.connect(ledger)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
        return {
            name: {(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info('{name}')")} for name in names
        }


_SINCE_THE_FIRST_VERSION = (
    "ALTER TABLE marks DROP COLUMN gaps",
    "ALTER TABLE probes DROP COLUMN bounces",
    "ALTER TABLE sightings DROP COLUMN report",
    "DROP TABLE notes",
    "ALTER TABLE probes DROP COLUMN body_digest",
    "ALTER TABLE sightings DROP COLUMN findings",
    "ALTER TABLE probes DROP COLUMN origin",
    "ALTER TABLE probes DROP COLUMN origin_at",
    "DROP TABLE holds",
    "DROP TABLE changes",
    "DROP TABLE notified",
    "DROP INDEX probes_by_closing",
    "ALTER TABLE probes DROP COLUMN closing",
)
"""What undoes all migrations."""


def _back_to_the_first_version(connection: Connection) -> None:
    for statement in (*_SINCE_THE_FIRST_VERSION, "UPDATE schema_version SET version = 1"):
        connection.execute(text(statement))


async def _change(url: str, work: Callable[[Connection], None]) -> None:
    database = connect_to(url)
    try:
        await database.write(work)
    finally:
        await database.dispose()


def test_a_migration_that_fails_leaves_everything_as_it_was(url: str) -> None:
    def make(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE extra (number INTEGER)"))

    def fail(connection: Connection) -> None:
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    assert _versions(url) == [1]
    with pytest.raises(LedgerTrouble):
        _versions(url, make, fail)
    assert _versions(url, make) == [2]


def test_the_bounces_of_probes_of_a_first_ledger_come_to_their_mailbox(url: str) -> None:
    async def write() -> None:
        async with open_ledger(url, instance="probe-a") as ledger:
            await ledger.claim(a_probe())
            await ledger.sight(a_sighting(), rescan=False)

    async def read() -> Record | None:
        async with open_ledger(url, instance="probe-a") as ledger:
            return await ledger.record("p1")

    run(write())
    run(_change(url, _back_to_the_first_version))
    assert run(read()) == Record(a_probe(), arrival=replace(a_sighting(), findings=NOTHING_FOUND))


def test_a_newer_schema_is_refused(url: str) -> None:
    assert _versions(url, *MIGRATIONS, lambda connection: None) == [NEWEST + 1]
    assert _refusal(url) == (
        f"the ledger has schema version {NEWEST + 1} and this program knows up to {NEWEST}; use the newer program"
    )


@pytest.mark.parametrize(
    "state", ["", "mailflow.db", "mysql://user@host/db", "sqlite://", "sqlite:///:memory:", "x:y:z"]
)
def test_a_state_that_is_no_url_of_a_database_is_refused(state: str) -> None:
    assert "write sqlite:///./mailflow.db or postgresql://user@host/db" in _refusal(state)


def test_a_relative_file_lies_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(_open("sqlite:///./mailflow.db"))
    assert (tmp_path / "mailflow.db").is_file()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert _refusal(f"sqlite:///{missing}/a.db").endswith(f"there is no directory {missing}")


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    assert _refusal(f"sqlite:///{tmp_path}") == f"the ledger {tmp_path} cannot be written: Is a directory"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "other.db")
    assert "cannot be written" in _refusal(f"sqlite:///{tmp_path}/link.db")
    assert not (tmp_path / "other.db").exists()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database" * 1000)
    assert _refusal(f"sqlite:///{path}") == f"the ledger {path} cannot be used: file is not a database"
    assert path.read_bytes() == b"not a database" * 1000


def test_a_database_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run(_open(f"sqlite:///{path}"))
    os.truncate(path, path.stat().st_size // 2)
    assert "malformed" in _refusal(f"sqlite:///{path}")


def test_a_file_that_may_not_be_written_is_refused() -> None:
    with _a_directory_for_all() as directory:
        path = directory / "a.db"
        path.touch(mode=0o444)
        with _as_nobody():
            assert _refusal(f"sqlite:///{path}") == f"the ledger {path} cannot be written: Permission denied"


@pytest.mark.parametrize("mode_before", [None, 0o644])
def test_the_file_and_its_journals_are_for_the_owner_only(tmp_path: Path, mode_before: int | None) -> None:
    path = tmp_path / "a.db"
    if mode_before:
        path.touch(mode_before)

    async def modes() -> set[int]:
        async with open_ledger(f"sqlite:///{path}", instance="probe-a") as ledger:
            await ledger.claim(a_probe())
            return _modes(tmp_path)

    assert run(modes()) == {0o600}


def test_opening_it_again_keeps_the_locks_of_who_has_it_open(tmp_path: Path) -> None:
    """Without them another process that closes it takes itself for the last, and removes the log that is written to."""
    path = tmp_path / "a.db"

    async def open_twice() -> None:
        async with open_ledger(f"sqlite:///{path}", instance="probe-a") as ledger:
            await _open(f"sqlite:///{path}")
            reader = await asyncio.create_subprocess_exec(sys.executable, "-c", _READ_AND_CLOSE, str(path))
            assert await reader.wait() == 0
            await ledger.claim(a_probe())
            assert (tmp_path / "a.db-wal").exists()

    run(open_twice())


def test_it_is_written_ahead_and_readable_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run(_open(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_postgresql_needs_is_named_when_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert "pip install 'mailflow-probe[postgresql]'" in _refusal("postgresql://user@127.0.0.1/db")


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    refusal = _refusal(f"postgresql://user:s3cret@/db?host={tmp_path}")
    assert refusal.startswith(f"the ledger postgresql://user@{tmp_path}/db cannot be used: ")
    assert "s3cret" not in refusal


def _modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


@contextmanager
def _a_directory_for_all() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root may write everything: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
