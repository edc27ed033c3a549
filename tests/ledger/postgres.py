"""A PostgreSQL server of the tests' own: on a socket in a temporary directory, run by nobody else, gone afterwards."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types

_PROGRAMS = Path("/usr/lib/postgresql")
_UNSAFE_AND_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


class Postgres:
    """Databases, each made for one test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "data"
        self._numbers = count(1)
        _run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Run, and return once it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self._directory} {_UNSAFE_AND_FAST}"
        log = str(self._directory / "log")
        _run("pg_ctl", "start", "-w", "-t", "30", "-D", str(self._data), "-l", log, "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """End it, whoever is connected; what was committed stays."""
        _run("pg_ctl", "stop", "-w", "-D", str(self._data), "-m", mode)

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"test{next(self._numbers)}"
        asyncio.run(self._execute(f"CREATE DATABASE {name}"))
        return f"postgresql://postgres@/{name}?host={self._directory}"

    async def drop_connections(self) -> None:
        """Drop the connections of everybody else, as a restart does."""
        await self._execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host=str(self._directory), user="postgres", database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a server as long as the block lasts."""
    # Not pytest's tmp_path: the server does not run as root, and would not be let through its parents.
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    try:
        server = Postgres(directory)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(directory)


def _run(program: str, *arguments: str) -> None:
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run([_find(program), *arguments], user=user, cwd="/tmp", check=True, stdout=subprocess.DEVNULL)


def _find(program: str) -> Path:
    found = sorted(_PROGRAMS.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError(f"{program} is not installed; apt-get install postgresql")
    return found[-1]
