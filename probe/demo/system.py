"""The whole mail system of the demo: one store, an IMAP and a POP3 server, and SMTP members that differ."""

import ssl
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from probe.demo.behaviour import Behaviour
from probe.demo.imap import ImapServer
from probe.demo.pop3 import Pop3Server
from probe.demo.smtp import SmtpServer
from probe.demo.store import Account, Store
from probe.model.outcome import Stage

ADDRESS = "monitor@demo.test"
PASSWORD_FILE = Path(__file__).with_name("password")
IMAP_PORT = 1143
POP3_PORT = 1110


@dataclass(frozen=True, slots=True)
class Member:
    """One SMTP server of the system; port 0 takes a free one."""

    name: str
    port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)


_A_WHILE = timedelta(milliseconds=400)

MEMBERS = (
    Member("fast", 2501),
    Member("steady", 2502, Behaviour(delays={Stage.BANNER: timedelta(milliseconds=20)})),
    Member(
        "slow",
        2503,
        Behaviour(
            delays={Stage.BANNER: _A_WHILE, Stage.RCPT: _A_WHILE, Stage.BODY: _A_WHILE},
            delivery_delay=timedelta(seconds=1.5),
        ),
    ),
    Member("deferring", 2504, Behaviour(replies={Stage.MAIL: "451 4.3.0 try later"})),
    Member("refusing", 2505, Behaviour(replies={Stage.BANNER: "554 5.3.2 this server takes no mail"})),
    Member("discarding", 2506, Behaviour(discard=True)),
    Member("closed", 2507, Behaviour(refuse_connections=True)),
)


class MailSystem:
    """The mail system, running while its context lasts; `members` are its SMTP servers by name."""

    def __init__(
        self,
        members: Iterable[Member] = (Member("fast"),),
        *,
        imap_port: int = 0,
        pop3_port: int = 0,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.store = Store()
        self.account: Account = self.store.add_account(
            ADDRESS, PASSWORD_FILE.read_text().strip() if password is None else password
        )
        self.imap = ImapServer(self.store, port=imap_port, tls=tls)
        self.pop3 = Pop3Server(self.store, port=pop3_port, tls=tls)
        self.members = {
            member.name: SmtpServer(
                self.store,
                name=f"{member.name}.demo.test",
                port=member.port,
                behaviour=member.behaviour,
                tls=tls,
            )
            for member in members
        }
        self._running = AsyncExitStack()

    @classmethod
    def demo(cls) -> Self:
        """Return the system that the shipped config.yaml probes, on its fixed ports."""
        return cls(MEMBERS, imap_port=IMAP_PORT, pop3_port=POP3_PORT)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            for server in (self.imap, self.pop3, *self.members.values()):
                await starting.enter_async_context(server)
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()
