"""A POP3 server (RFC 1939) over the inbox, with an exclusive lock if wanted."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.demo.server import Server
from probe.demo.store import Account, Message, Store
from probe.demo.wire import Wire

COMMAND_CAP = 512


class Pop3Server(Server):
    """The door to the store for POP3; with `exclusive` a maildrop takes one session at a time."""

    def __init__(
        self,
        store: Store,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        exclusive: bool = False,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
    ) -> None:
        super().__init__(host, port, tls=tls, implicit_tls=implicit_tls)
        self.store = store
        self.exclusive = exclusive

    async def converse(self, wire: Wire) -> None:
        """Hold one POP3 session."""
        session = _Session(self, wire)
        try:
            await session.run()
        finally:
            session.unlock()


class _Refused(Exception):
    """The text of an -ERR reply."""


@dataclass(slots=True)
class _Entry:
    """A message of the maildrop as it was at login; its number is its place in the list."""

    message: Message
    deleted: bool = False


class _Session:
    def __init__(self, server: Pop3Server, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._user = ""
        self._account: Account | None = None
        self._holds_lock = False
        self._entries: list[_Entry] = []
        self._open = True
        self._anytime = {"CAPA": self._capa, "QUIT": self._quit}
        self._authorization = {"USER": self._user_name, "PASS": self._password, "STLS": self._stls}
        self._transaction = {
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "TOP": self._top,
            "RETR": self._retr,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": self._noop,
        }

    async def run(self) -> None:
        await self._ok("mailflow demo ready")
        while self._open:
            line = (await self._wire.line(COMMAND_CAP)).decode("utf-8", "replace")
            verb, _, argument = line.partition(" ")
            try:
                await self._command(verb.upper())(argument)
            except _Refused as refused:
                await self._wire.send(f"-ERR {refused}\r\n".encode())

    def unlock(self) -> None:
        if self._holds_lock and self._account:
            self._account.locked = False

    def _command(self, verb: str) -> Callable[[str], Awaitable[None]]:
        possible = self._anytime | (self._transaction if self._account else self._authorization)
        if verb not in possible:
            raise _Refused("not possible now")
        return possible[verb]

    async def _capa(self, argument: str) -> None:
        offered = ["TOP", "UIDL", "USER", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
        if self._server.tls and not self._wire.encrypted:
            offered.append("STLS")
        await self._lines("capabilities", "".join(f"{each}\r\n" for each in offered).encode())

    async def _stls(self, argument: str) -> None:
        if not self._server.tls or self._wire.encrypted:
            raise _Refused("TLS is not available")
        await self._ok("begin")
        await self._wire.start_tls(self._server.tls)
        self._user = ""

    async def _user_name(self, argument: str) -> None:
        self._user = argument
        await self._ok("password, please")

    async def _password(self, argument: str) -> None:
        account = self._server.store.login(self._user, argument)
        if account is None:
            raise _Refused("[AUTH] wrong user or password")
        if self._server.exclusive and account.locked:
            raise _Refused("[IN-USE] another session holds the maildrop")  # RFC 2449 8.1.2
        self._account = account
        self._holds_lock = account.locked = self._server.exclusive
        self._entries = [_Entry(message) for message in account.inbox.messages]
        await self._ok("welcome")

    async def _stat(self, argument: str) -> None:
        sizes = [len(entry.message.raw) for _, entry in self._present()]
        await self._ok(f"{len(sizes)} {sum(sizes)}")

    async def _list(self, argument: str) -> None:
        await self._table(argument, lambda message: str(len(message.raw)))

    async def _uidl(self, argument: str) -> None:
        inbox = self._logged_in().inbox
        await self._table(argument, lambda message: f"{inbox.uidvalidity}.{message.uid}")

    async def _top(self, argument: str) -> None:
        number, _, count = argument.partition(" ")
        message = self._entry(number).message
        if not count.isdecimal() or len(count) > 9:
            raise _Refused("how many lines?")
        lines = message.body.splitlines(keepends=True)[: int(count)]
        await self._lines("top of the message", message.header + b"".join(lines))

    async def _retr(self, argument: str) -> None:
        message = self._entry(argument).message
        await self._lines(f"{len(message.raw)} octets", message.raw)

    async def _dele(self, argument: str) -> None:
        self._entry(argument).deleted = True
        await self._ok("marked")

    async def _rset(self, argument: str) -> None:
        for entry in self._entries:
            entry.deleted = False
        await self._ok("nothing is marked")

    async def _noop(self, argument: str) -> None:
        await self._ok("still here")

    async def _quit(self, argument: str) -> None:
        if self._account:  # RFC 1939 6: only now are messages removed; a lost connection removes none
            deleted = [entry.message.uid for entry in self._entries if entry.deleted]
            self._account.inbox.expunge(deleted)
        self.unlock()
        self._open = False
        await self._ok("goodbye")

    def _logged_in(self) -> Account:
        assert self._account, "the table of commands lets nobody in without a login"
        return self._account

    def _present(self) -> list[tuple[int, _Entry]]:
        return [(number, entry) for number, entry in enumerate(self._entries, start=1) if not entry.deleted]

    def _entry(self, number: str) -> _Entry:
        present = {str(each): entry for each, entry in self._present()}
        if number not in present:
            raise _Refused("no such message")
        return present[number]

    async def _table(self, argument: str, show: Callable[[Message], str]) -> None:
        if argument:
            await self._ok(f"{argument} {show(self._entry(argument).message)}")
            return
        rows = "".join(f"{number} {show(entry.message)}\r\n" for number, entry in self._present())
        await self._lines("listing follows", rows.encode())

    async def _ok(self, text: str) -> None:
        await self._wire.send(f"+OK {text}\r\n".encode())

    async def _lines(self, text: str, octets: bytes) -> None:
        """Send a multi-line reply; a line that begins with a dot gets a second one (RFC 1939 3)."""
        stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
        end = b"" if not stuffed or stuffed.endswith(b"\r\n") else b"\r\n"
        await self._wire.send(b"+OK %b\r\n%b%b.\r\n" % (text.encode(), stuffed, end))
