"""A web server on a port of its own, with everything behind it made by hand."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from probe.engine.board import Board
from probe.engine.happenings import Happening
from probe.engine.sending import Path
from probe.engine.spot_checks import NoTurn
from probe.model.hold import Hold
from probe.model.reply import Attempt
from probe.model.settings import Listen, MemberKey
from probe.model.spot_check import SpotCheck
from probe.ports import ChangeQuery, Changes, LedgerTrouble, Life, Page, Query
from probe.web import Events, Guard, Sources, WebServer, application
from tests.metrics.boards import NOW, attempt, lively_board


@dataclass
class Books:
    """A history written by hand."""

    page: Page = field(default_factory=lambda: Page((), None))
    lives: dict[str, Life] = field(default_factory=dict)
    trouble: str | None = None
    asked: list[Query] = field(default_factory=list)
    found: Changes = field(default_factory=lambda: Changes((), None))
    asked_changes: list[ChangeQuery] = field(default_factory=list)

    async def probes(self, query: Query) -> Page:
        self._open()
        self.asked.append(query)
        if query.before not in (None, "next-page"):
            raise ValueError("that is no cursor")
        return self.page

    async def life(self, probe_id: str) -> Life | None:
        self._open()
        return self.lives.get(probe_id)

    async def changes(self, query: ChangeQuery) -> Changes:
        self._open()
        self.asked_changes.append(query)
        if query.before not in (None, "9"):
            raise ValueError("that is no cursor")
        return self.found

    def _open(self) -> None:
        if self.trouble:
            raise LedgerTrouble(self.trouble)


@dataclass
class HoldsByHand:
    """Holds that are kept in memory."""

    kept: dict[MemberKey, Hold] = field(default_factory=dict)
    released_by: list[str] = field(default_factory=list)

    def lasting(self) -> Mapping[MemberKey, Hold]:
        return self.kept

    async def hold(self, pool: str, member: str, hold: Hold) -> None:
        self.kept[pool, member] = hold

    async def release(self, pool: str, member: str, *, by: str) -> Hold | None:
        self.released_by.append(by)
        return self.kept.pop((pool, member), None)


@dataclass
class World:
    """All that the web server asks."""

    board: Board = field(default_factory=lively_board)
    books: Books = field(default_factory=Books)
    config_errors: Sequence[str] = ()
    reloads: int = 0
    metrics: bytes = b""
    events: Events = field(default_factory=lambda: Events("run1"))
    checked: list[tuple[Path, timedelta]] = field(default_factory=list)
    """Who was to be asked, on which route, and within how long."""
    answer: Attempt = field(default_factory=attempt)
    no_turn: str | None = None
    guard: Guard = field(default_factory=Guard)
    holds: HoldsByHand = field(default_factory=HoldsByHand)

    @asynccontextmanager
    async def served(self, trusts: ssl.SSLContext | None = None, *, port: int = 0) -> AsyncIterator[httpx.AsyncClient]:
        """Serve it, and give a client for it, that speaks TLS if it is told how."""
        sources = Sources(
            lambda: self.board,
            self._begun,
            self.books,
            lambda: NOW + timedelta(seconds=30),
            self._scrape,
            self._reload,
            self.events,
            self._spot_check,
            lambda check: f"outcome {check.outcome}\n".encode(),
            lambda: self.holds,
        )
        app = application(sources, self.guard)
        server = WebServer(app, Listen("127.0.0.1", port), self.guard, farewell=self.events.end)
        await server.start()
        url = f"{'https' if trusts else 'http'}://127.0.0.1:{server.port}"
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False, verify=trusts or False) as client:
                yield client
        finally:
            await server.stop()

    def report(self, happening: Happening) -> None:
        """Let something happen, on the board and for whoever listens."""
        self.board(happening)
        self.events(happening)

    async def ask(
        self, path: str, method: str = "GET", *, content: bytes | None = None, **headers: str
    ) -> httpx.Response:
        """Serve it for one request."""
        raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        async with self.served() as client:
            return await client.request(method, path, headers=raw, content=content)

    async def _begun(self) -> None:
        await asyncio.sleep(0)

    async def _scrape(self, accept: str, accept_encoding: str, /) -> tuple[bytes, Mapping[str, str]]:
        return self.metrics or f"accept {accept}\n".encode(), {"Content-Type": "text/plain; version=0.0.4"}

    async def _reload(self) -> Sequence[str]:
        self.reloads += 1
        return self.config_errors

    async def _spot_check(self, path: Path, within: timedelta) -> SpotCheck:
        self.checked.append((path, within))
        if self.no_turn:
            raise NoTurn(self.no_turn)
        return SpotCheck(path.member, path.route, path.smtp, self.answer, timedelta(seconds=1))
