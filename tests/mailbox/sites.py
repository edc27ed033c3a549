"""Mailboxes that the same tests are run on: those of the demo, and Dovecot's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from probe.demo.imap import ImapServer
from probe.demo.pop3 import Pop3Server
from probe.demo.store import Store
from probe.mailbox import access
from probe.mailbox.patience import Patience
from probe.model.letter import Folder, Letter
from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Login, Mailbox, Pop3Settings, Tls
from probe.net.clock import SystemClock
from probe.ports import FolderReader, MailboxAccess, Mark
from tests.lab import MONITOR, Laboratory
from tests.lab import PASSWORD as LAB_PASSWORD
from tests.lab.dovecot import IMAP_PORT, POP3_PORT

ADDRESS = "monitor@demo.test"
PASSWORD = 'pass"word\\'
CLOCK = SystemClock()
Result = TypeVar("Result")


def run(test: Callable[[], Awaitable[Result]], *, seconds: float = 30) -> Result:
    """Run a test's coroutine under a deadline."""

    async def bounded() -> Result:
        async with asyncio.timeout(seconds):
            return await test()

    return asyncio.run(bounded())


def imap_settings(port: int, *, host: str = "127.0.0.1", password: str = PASSWORD, tls: Tls = Tls.NONE) -> ImapSettings:
    return ImapSettings(host, Login(ADDRESS, Secret(password)), port, tls)


def imap_access(port: int, *, patience: Patience | None = None, junk: str | None = None) -> MailboxAccess:
    return access(Mailbox("m", ADDRESS, imap_settings(port), junk=junk), CLOCK, patience=patience or Patience())


def pop3_access(port: int, *, patience: Patience | None = None, password: str = PASSWORD) -> MailboxAccess:
    settings = Pop3Settings("127.0.0.1", Login(ADDRESS, Secret(password)), port, Tls.NONE)
    return access(Mailbox("m", ADDRESS, settings), CLOCK, patience=patience or Patience())


def store() -> Store:
    opened = Store(uidvalidity=1000)
    opened.add_account(ADDRESS, PASSWORD)
    return opened


@asynccontextmanager
async def reading(
    way: MailboxAccess, *, folder: str = "INBOX", mark: Mark | None = None, since: datetime | None = None
) -> AsyncIterator[FolderReader]:
    """Hold an open reader."""
    reader = way.reader(Folder.INBOX, folder)
    try:
        await reader.open(mark, since=since or datetime.now(UTC))
        yield reader
    finally:
        await reader.close()


async def read_until(reader: FolderReader, count: int, *, within: timedelta = timedelta(seconds=10)) -> list[Letter]:
    """Read as the engine does, until so many letters have come."""
    letters: list[Letter] = []
    async with asyncio.timeout(within.total_seconds()):
        while len(letters) < count:
            letters += (await reader.read()).letters
            await asyncio.sleep(0.02)
    return letters


class Site(Protocol):
    """A mailbox of which the tests know the inside."""

    way: MailboxAccess
    way_with_wrong_password: MailboxAccess

    async def deliver(self, message: bytes) -> None:
        """Put a message into the inbox."""

    async def contents(self) -> Sequence[tuple[bytes, frozenset[str]]]:
        """Return what lies in the inbox, with its flags."""


@dataclass
class DemoSite:
    store: Store
    way: MailboxAccess
    way_with_wrong_password: MailboxAccess

    async def deliver(self, message: bytes) -> None:
        self.store.deliver(ADDRESS, message)

    async def contents(self) -> Sequence[tuple[bytes, frozenset[str]]]:
        account = self.store.account(ADDRESS)
        assert account
        return [(message.raw, message.flags) for message in account.inbox.messages]


@dataclass
class DovecotSite:
    lab: Laboratory
    way: MailboxAccess
    way_with_wrong_password: MailboxAccess

    async def deliver(self, message: bytes) -> None:
        await asyncio.to_thread(self.lab.deliver, MONITOR, message)

    async def contents(self) -> Sequence[tuple[bytes, frozenset[str]]]:
        inbox = await asyncio.to_thread(self.lab.inbox)
        return [(raw, frozenset(flag.decode() for flag in flags)) for raw, flags in inbox.values()]


def dovecot_site(lab: Laboratory, *, pop3: bool) -> DovecotSite:
    def way(password: str) -> MailboxAccess:
        kind, port = (Pop3Settings, POP3_PORT) if pop3 else (ImapSettings, IMAP_PORT)
        settings = kind(lab.hub, Login(MONITOR, Secret(password)), port, Tls.NONE)
        return access(Mailbox("m", MONITOR, settings), CLOCK)

    return DovecotSite(lab, way(LAB_PASSWORD), way("not-the-password"))


@asynccontextmanager
async def demo_site(*, pop3: bool) -> AsyncIterator[DemoSite]:
    """Run a demo server of the kind asked for."""
    opened = store()
    server: ImapServer | Pop3Server = Pop3Server(opened, exclusive=True) if pop3 else ImapServer(opened)
    async with server:
        if pop3:
            yield DemoSite(opened, pop3_access(server.port), pop3_access(server.port, password="not-the-password"))
        else:
            wrong = Mailbox("m", ADDRESS, imap_settings(server.port, password="not-the-password"))
            yield DemoSite(opened, imap_access(server.port), access(wrong, CLOCK))
