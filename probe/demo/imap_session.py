"""One IMAP session: its state, and what each command does."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from probe.demo import sasl
from probe.demo.behaviour import ImapFaults
from probe.demo.imap_folder import IN_FOLDER
from probe.demo.imap_grammar import BadCommand, Command, Refused, Value, flags, moment, quoted, take, word, words
from probe.demo.imap_items import SEEN
from probe.demo.imap_view import View
from probe.demo.store import Account, Folder, MailboxFull, Store
from probe.demo.wire import Closed, Wire

_FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"

Done = str
"""The end of a command's tagged reply: "OK done", "NO no such folder"."""


class Session:
    """The server's side of one connection; `obey` answers one command."""

    def __init__(
        self, wire: Wire, *, store: Store, tls: ssl.SSLContext | None, faults: Callable[[], ImapFaults]
    ) -> None:
        self.open = True
        self._wire = wire
        self._store = store
        self._tls = tls
        self._faults = faults
        self._account: Account | None = None
        self._view: View | None = None

    async def greet(self) -> None:
        """Say hello."""
        await self._fall_silent_if_told()
        await self._tell(f"OK [CAPABILITY {self._capabilities()}] mailflow demo ready")

    async def reject(self, tag: str, reason: str) -> None:
        """Answer something that is not a command."""
        await self._wire.send(f"{tag} BAD {reason}\r\n".encode())

    async def obey(self, command: Command) -> None:
        """Do one command and answer it; what happened in the folder meanwhile is told first."""
        await self._fall_silent_if_told()
        try:
            done = await self._handler(command)(self, command)
        except (BadCommand, sasl.Cancelled) as error:
            done = f"BAD {error}"
        except Refused as error:
            done = f"NO {error}"
        # RFC 3501 7.4.1: no EXPUNGE while a client may still be using the numbers of its command.
        if command.by_uid or command.name not in {"FETCH", "STORE", "SEARCH"}:
            self._report()
        await self._wire.send(f"{command.tag} {done}\r\n".encode("latin-1", "replace"))
        if command.name == "STARTTLS" and done.startswith("OK") and self._tls:
            await self._wire.start_tls(self._tls)

    def _handler(self, command: Command) -> "Handler":
        if command.name not in _COMMANDS:
            raise BadCommand("command not known")
        when, handler = _COMMANDS[command.name]
        if when is When.BEFORE_LOGIN and self._account:
            raise BadCommand("you are logged in")
        if when in (When.AFTER_LOGIN, When.SELECTED) and not self._account:
            raise BadCommand("log in first")
        if when is When.SELECTED and not self._view:
            raise BadCommand("select a folder first")
        return handler

    async def _capability(self, command: Command) -> Done:
        await self._tell(f"CAPABILITY {self._capabilities()}")
        return "OK done"

    async def _noop(self, command: Command) -> Done:
        return "OK done"

    async def _logout(self, command: Command) -> Done:
        await self._tell("BYE see you")
        self.open = False
        self._view = None
        return "OK done"

    async def _starttls(self, command: Command) -> Done:
        return "OK begin" if self._tls and not self._wire.encrypted else "BAD TLS is not available"

    async def _login(self, command: Command) -> Done:
        arguments = [*command.arguments]
        return await self._log_in(word(take(arguments)), word(take(arguments)))

    async def _authenticate(self, command: Command) -> Done:
        if word(take([*command.arguments])).upper() != "PLAIN":
            return "NO mechanism not known"
        initial = word(command.arguments[1]) if len(command.arguments) > 1 else None
        return await self._log_in(*await sasl.plain(self._ask, initial))

    async def _namespace(self, command: Command) -> Done:
        await self._tell('NAMESPACE (("" "/")) NIL NIL')
        return "OK done"

    async def _list(self, command: Command) -> Done:
        """Answer LIST, also with the selection and return options of RFC 6154 and RFC 5258."""
        arguments = [*command.arguments]
        reference = take(arguments)
        only_special = isinstance(reference, list) and "SPECIAL-USE" in reference
        if isinstance(reference, list):
            reference = take(arguments)
        patterns = [word(reference) + pattern for pattern in words(take(arguments))]
        for folder in self._folders():
            if (folder.special_use or not only_special) and any(_fits(folder.name, each) for each in patterns):
                attributes = " ".join(filter(None, ["\\HasNoChildren", folder.special_use]))
                await self._tell(f'{command.name} ({attributes}) "/" {quoted(folder.name)}')
        return "OK done"

    async def _status(self, command: Command) -> Done:
        arguments = [*command.arguments]
        folder = self._folder(take(arguments))
        items = [item.upper() for item in words(take(arguments))]
        if unknown := set(items) - _STATUS.keys():
            raise BadCommand(f"{len(unknown)} items not known")
        counted = " ".join(f"{item} {_STATUS[item](folder)}" for item in items)
        await self._tell(f"STATUS {quoted(folder.name)} ({counted})")
        return "OK done"

    async def _select(self, command: Command) -> Done:
        self._view = None
        folder = self._folder(take([*command.arguments]))
        read_only = command.name == "EXAMINE"
        self._view = View(folder, read_only=read_only)
        await self._tell(
            f"FLAGS ({_FLAGS})",
            f"OK [PERMANENTFLAGS ({'' if read_only else _FLAGS})] flags that stay",
            f"{self._view.extent.messages} EXISTS",
            "0 RECENT",
            f"OK [UIDVALIDITY {folder.uidvalidity}] UIDs valid",
            f"OK [UIDNEXT {folder.uidnext}] next UID",
        )
        return "OK [READ-ONLY] done" if read_only else "OK [READ-WRITE] done"

    async def _append(self, command: Command) -> Done:
        arguments = [*command.arguments]
        folder = self._folder(take(arguments))
        text = word(take(arguments, -1))
        marks = next((flags(each) for each in arguments if isinstance(each, list)), frozenset[str]())
        received = next((moment(each) for each in arguments if isinstance(each, str)), None)
        try:
            message = folder.append(text.encode("latin-1"), flags=marks, received=received)
        except MailboxFull as error:
            raise Refused("[OVERQUOTA] folder full") from error
        return f"OK [APPENDUID {folder.uidvalidity} {message.uid}] done"

    async def _idle(self, command: Command) -> Done:
        """Push what happens until the client says DONE (RFC 2177)."""
        await self._wire.send(b"+ idling\r\n")
        with contextlib.ExitStack() as watching:
            if self._view:
                watching.enter_context(self._view.folder.watch(self._push))
                self._push()
            line = await self._wire.line()
        await self._fall_silent_if_told()
        return "OK done" if line.upper() == b"DONE" else "BAD DONE was expected"

    async def _in_folder(self, command: Command) -> Done:
        for response in IN_FOLDER[command.name](self._selected(), command):
            await self._wire.send(b"* %b\r\n" % response)
        return "OK done"

    async def _close(self, command: Command) -> Done:
        view = self._selected()
        if not view.read_only:  # RFC 3501 6.4.2: everything marked deleted goes, without a word
            view.expunge(message for _, message in view.messages())
        self._view = None
        return "OK done"

    async def _unselect(self, command: Command) -> Done:
        self._view = None
        return "OK done"

    def _capabilities(self) -> str:
        offered = "IMAP4rev1 LITERAL+ IDLE NAMESPACE SPECIAL-USE UIDPLUS UNSELECT AUTH=PLAIN"
        return offered + " STARTTLS" * bool(self._tls and not self._wire.encrypted)

    async def _log_in(self, user: str, password: str) -> Done:
        await asyncio.sleep(self._faults().login_delay.total_seconds())
        if not self._faults().refuse_login:
            self._account = self._store.login(user, password)
        return "OK welcome" if self._account else "NO [AUTHENTICATIONFAILED] wrong user or password"

    async def _ask(self, challenge: str) -> str:
        await self._wire.send(f"+ {challenge}\r\n".encode())
        return (await self._wire.line()).decode("ascii", "replace")

    def _selected(self) -> View:
        assert self._view, "the table of commands lets nobody in without a folder"
        return self._view

    def _folders(self) -> list[Folder]:
        return list(self._account.folders.values()) if self._account else []

    def _folder(self, name: Value) -> Folder:
        folder = self._account.folder(word(name)) if self._account else None
        if folder is None:
            raise Refused("[NONEXISTENT] no such folder")
        return folder

    def _report(self) -> None:
        if self._view and not self._view.valid:
            self._wire.write(b"* BYE the folder was renumbered\r\n")
            raise Closed("the UIDs this session knows mean nothing any more")
        for news in self._view.news() if self._view else ():
            self._wire.write(b"* %b\r\n" % news)

    def _push(self) -> None:
        if self._faults().silent or self._faults().silent_idle:
            return
        try:
            self._report()
        except Closed:  # not the concern of whoever changed the folder
            self._wire.close()

    async def _fall_silent_if_told(self) -> None:
        if self._faults().silent:
            await self._wire.ended()
            raise Closed("fell silent")

    async def _tell(self, *lines: str) -> None:
        await self._wire.send("".join(f"* {line}\r\n" for line in lines).encode("latin-1", "replace"))


def _fits(name: str, pattern: str) -> bool:
    """Say whether a folder fits a LIST pattern; without a hierarchy `%` and `*` mean the same."""
    pattern = "*" if pattern == "%" else pattern
    if pattern.endswith("*"):
        return name.upper().startswith(pattern[:-1].upper())
    return name.upper() == pattern.upper()


class When(Enum):
    """The states of a session in which a command is possible (RFC 3501 3)."""

    ALWAYS = auto()
    BEFORE_LOGIN = auto()
    AFTER_LOGIN = auto()
    SELECTED = auto()


Handler = Callable[[Session, Command], Awaitable[Done]]

_COMMANDS: dict[str, tuple[When, Handler]] = {
    "CAPABILITY": (When.ALWAYS, Session._capability),
    "NOOP": (When.ALWAYS, Session._noop),
    "LOGOUT": (When.ALWAYS, Session._logout),
    "STARTTLS": (When.BEFORE_LOGIN, Session._starttls),
    "LOGIN": (When.BEFORE_LOGIN, Session._login),
    "AUTHENTICATE": (When.BEFORE_LOGIN, Session._authenticate),
    "NAMESPACE": (When.AFTER_LOGIN, Session._namespace),
    "LIST": (When.AFTER_LOGIN, Session._list),
    "LSUB": (When.AFTER_LOGIN, Session._list),
    "STATUS": (When.AFTER_LOGIN, Session._status),
    "SELECT": (When.AFTER_LOGIN, Session._select),
    "EXAMINE": (When.AFTER_LOGIN, Session._select),
    "APPEND": (When.AFTER_LOGIN, Session._append),
    "IDLE": (When.AFTER_LOGIN, Session._idle),
    **dict.fromkeys(IN_FOLDER, (When.SELECTED, Session._in_folder)),
    "CHECK": (When.SELECTED, Session._noop),
    "CLOSE": (When.SELECTED, Session._close),
    "UNSELECT": (When.SELECTED, Session._unselect),
}

_STATUS: dict[str, Callable[[Folder], int]] = {
    "MESSAGES": lambda folder: len(folder.messages),
    "RECENT": lambda folder: 0,
    "UIDNEXT": lambda folder: folder.uidnext,
    "UIDVALIDITY": lambda folder: folder.uidvalidity,
    "UNSEEN": lambda folder: sum(SEEN not in message.flags for message in folder.messages),
}
