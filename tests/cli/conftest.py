"""A mail system that lives in a thread, so that commands can run their own loop before it."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from probe.cli import main
from probe.demo.behaviour import Behaviour
from probe.demo.system import ADDRESS, PASSWORD_FILE, MailSystem, Member
from probe.model.outcome import Stage

SMTP_PASSWORD = "correct horse battery"
MEMBERS = (
    Member("good"),
    Member("refusing", behaviour=Behaviour(replies={Stage.MAIL: "550 5.7.1 go \x1b[31maway\x1b[0m"})),
    Member("junking", behaviour=Behaviour(folder="Junk")),
)


def mailflow(*arguments: str | Path, pasted: bytes | None = None) -> Result:
    """Run the command line in this process, with something on its standard input."""
    with loggers_as_they_were():
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=pasted, prog_name="mailflow")


@contextmanager
def loggers_as_they_were() -> Iterator[None]:
    """Take back at the end of the block what was set of the loggers in it."""
    root = logging.getLogger()
    levels = {logger: logger.level for logger in (root, *map(logging.getLogger, ("apscheduler", "imapclient")))}
    handlers = root.handlers[:]
    try:
        yield
    finally:
        root.handlers = handlers
        for logger, level in levels.items():
            logger.setLevel(level)


@contextmanager
def in_a_thread(system: AbstractAsyncContextManager[Any]) -> Iterator[None]:
    """Let a mail system, or other servers, run until the block ends."""
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with system:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="mail system")
    thread.start()
    assert started.wait(10)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def system() -> Iterator[MailSystem]:
    """Members that deliver, refuse and deliver into junk; the first asks for a login."""
    made = MailSystem(MEMBERS)
    made.members["good"].credentials = ("probe", SMTP_PASSWORD)
    with in_a_thread(made):
        yield made


@pytest.fixture
def config(system: MailSystem, tmp_path: Path) -> Path:
    """A config that watches the system."""
    (tmp_path / "secret").write_text(SMTP_PASSWORD)
    (tmp_path / "secret").chmod(0o600)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(_config(system, tmp_path)))
    return file


def _config(system: MailSystem, home: Path) -> dict[str, Any]:
    ports = {name: f"127.0.0.1:{server.port}" for name, server in system.members.items()}
    imap = {
        "host": "127.0.0.1",
        "port": system.imap.port,
        "tls": "none",
        "username": ADDRESS,
        "password": {"file": str(PASSWORD_FILE)},
    }
    login = {"username": "probe", "password": {"file": "secret"}, "plaintext": True}
    route = {"mailbox": "monitor", "from": "probe@demo.test", "interval": "60s", "deadline": "5s"}
    return {
        "instance": "probe-a",
        "state": f"sqlite:///{home}/ledger.db",
        "web": {"listen": "127.0.0.1:0"},
        "mailboxes": {"monitor": {"address": ADDRESS, "imap": imap}},
        "pools": {
            "locked": {"members": {"good": ports.pop("good")}, "smtp": {"auth": login}},
            "vip": {"members": ports},
        },
        "routes": {"inside": {"pool": "locked", **route}, "inbound": {"pool": "vip", **route}},
    }
