"""The database behind the ledger: all that differs between SQLite and PostgreSQL stands here."""

import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Table, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from probe.ledger.file import make_private
from probe.ledger.transactions import InThreads, OnTheLoop, Transactions
from probe.net.text import printable
from probe.ports import LedgerTrouble

PATIENCE_SECONDS = 10
"""How long a statement, a lock or a connection is waited for."""

_READERS = 2
_ERRORS: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, OverflowError)
_ADVISORY_LOCK = 0x6D61696C666C6F77
"""``mailflow``, as a number."""
_OF_THE_SERVER = ("08", "53", "57P", "58")
"""How a SQLSTATE begins that no statement is to blame for: connection, resources, shutdown and start-up, the system
(PostgreSQL 17, appendix A)."""

T = TypeVar("T")


class DatabaseDown(LedgerTrouble):
    """All work meets this trouble, not one piece of it: the disk is full, a lock is held, the server is gone."""


@dataclass(frozen=True, slots=True)
class Database:
    """One connection that writes, some that read, and what their errors mean."""

    name: str
    """The database as it may be shown: no password in it."""
    writing: Transactions
    """Its transactions exclude each other, those of other processes included."""
    reading: Transactions
    """Each of its transactions sees one moment's state."""
    errors: tuple[type[Exception], ...]
    """What SQLAlchemy and the driver beneath it raise when something is wrong."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work in a transaction of its own. Raises LedgerTrouble."""
        with self._translating():
            return await self.writing.do(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Read, at one moment's state. Raises LedgerTrouble."""
        with self._translating():
            return await self.reading.do(work)

    async def dispose(self) -> None:
        """Close all connections."""
        await self.reading.dispose()
        await self.writing.dispose()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except self.errors as exc:
            kind = DatabaseDown if _is_down(exc) else LedgerTrouble
            raise kind(f"the ledger {self.name} cannot be used: {_reason(exc)}") from exc


def insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that can say what is done on conflict; standard SQL has none."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def clock_of(connection: Connection) -> datetime | None:
    """Return the time by the clock of the database; None for a file, which has none of its own."""
    if connection.dialect.name == "sqlite":
        return None
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def connect_to(state: str) -> Database:
    """Prepare the database that a ``state`` URL names; nothing but the file is opened yet. Raises LedgerTrouble."""
    try:
        url = make_url(state)
    except (ArgumentError, ValueError) as exc:
        raise LedgerTrouble(_NOT_A_URL) from exc
    match url.drivername:
        case "sqlite" if url.database and url.database != ":memory:":
            return _sqlite(url, Path(url.database))
        case "postgresql":
            return _postgresql(url)
        case _:
            raise LedgerTrouble(_NOT_A_URL)


_NOT_A_URL = "state is no URL of a database; write sqlite:///./mailflow.db or postgresql://user@host/db"


def _sqlite(url: URL, path: Path) -> Database:
    make_private(path)

    def transactions(begin: str, connections: int) -> InThreads:
        engine = create_engine(
            url.set(drivername="sqlite+pysqlite"),
            pool_size=connections,
            max_overflow=0,
            pool_reset_on_return=None,  # every transaction is ended by its own block
            # The driver's own transactions begin too late: what was read before may have changed.
            connect_args={"isolation_level": None, "timeout": PATIENCE_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return InThreads(engine, threads=connections)

    writing, reading = transactions("BEGIN IMMEDIATE", 1), transactions("BEGIN", _READERS)
    return Database(str(path), writing, reading, (*_ERRORS, sqlite3.Error))


def _set_pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # NORMAL in WAL survives any crash of the process; a power cut may undo the last commits (docs/adr/0002).
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _postgresql(url: URL) -> Database:
    arguments: dict[str, Any] = {"command_timeout": PATIENCE_SECONDS, "timeout": PATIENCE_SECONDS}
    if tls := _tls(url):
        arguments["ssl"] = tls

    def engine(connections: int, **options: Any) -> AsyncEngine:
        return create_async_engine(
            url.set(drivername="postgresql+asyncpg").difference_update_query(["sslmode"]),
            pool_size=connections,
            max_overflow=0,
            pool_reset_on_return=None,
            connect_args=arguments,
            **options,
        )

    try:
        import asyncpg  # type: ignore[import-untyped]  # it ships no types; an extra that SQLite does not need

        writing, reading = engine(1), engine(_READERS, isolation_level="REPEATABLE READ")
    except ModuleNotFoundError as exc:
        raise LedgerTrouble(
            "the state is in PostgreSQL, and that needs: pip install 'mailflow-probe[postgresql]'"
        ) from exc
    event.listen(writing.sync_engine, "begin", _exclude_other_writers)
    name = f"postgresql://{url.username or ''}@{_host(url)}/{url.database or ''}"
    return Database(
        name, OnTheLoop(writing), OnTheLoop(reading), (*_ERRORS, asyncpg.PostgresError, asyncpg.InterfaceError)
    )


def _tls(url: URL) -> str | ssl.SSLContext | None:
    """Return what the URL asks for; by default a remote server has to prove who it is."""
    if mode := url.query.get("sslmode"):
        return str(mode)
    host = _host(url)
    local = not host or host.startswith("/") or host in {"localhost", "127.0.0.1", "::1"}
    return None if local else ssl.create_default_context()


def _host(url: URL) -> str:
    return str(url.query.get("host", url.host or ""))


def _exclude_other_writers(connection: Connection) -> None:
    # As SQLite does it. Groups of two processes that touch the same rows in different order would deadlock.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


def _reason(error: Exception) -> str:
    told = printable(str(getattr(error, "orig", None) or error)) or type(error).__name__
    # So asyncpg speaks of a connection that was closed while it was used.
    return "the connection broke" if told.startswith("cannot switch to state") else told


def _is_down(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        of_the_server = str(getattr(error.orig, "sqlstate", None)).startswith(_OF_THE_SERVER)
        return of_the_server or error.connection_invalidated or isinstance(error, OperationalError)
    # What a driver raises past SQLAlchemy is of connecting; only a number that is too large is of the work.
    return not isinstance(error, (SQLAlchemyError, OverflowError))
