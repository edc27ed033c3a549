"""A mailbox over IMAP: a session and a thread for each folder that is watched."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from probe.mailbox.bell import Bell
from probe.mailbox.imap_login import CONNECT_SECONDS, LOGIN_SECONDS, log_in
from probe.mailbox.imap_session import OPERATION_SECONDS, ImapSession
from probe.mailbox.trouble import translated
from probe.mailbox.wire import Wire
from probe.mailbox.worker import Worker
from probe.model.letter import Folder, Place
from probe.model.settings import ImapSettings, Mailbox
from probe.ports import Clock, MailboxTrouble, Mark, News, Verifier

GOODBYE_SECONDS = 0.4
_GRACE_SECONDS = 5.0
"""The wire keeps the deadline; this one is for what no wire can bound, such as the system's resolver."""
_NOT_A_FOLDER = {b"\\Noselect", b"\\NonExistent"}


class ImapAccess:
    """The way into one mailbox."""

    def __init__(self, mailbox: Mailbox, settings: ImapSettings, *, clock: Clock) -> None:
        self._mailbox = mailbox
        self._settings = settings
        self._clock = clock

    async def folders(self) -> Mapping[Folder, str]:
        """Return the inbox and, if there is one, the junk folder."""
        wire = Wire()
        worker = Worker(f"{self._mailbox.name} folders", last=wire.close)
        try:
            return await worker.run(lambda: self._folders(wire), within=_longest(CONNECT_SECONDS + LOGIN_SECONDS))
        finally:
            wire.cut()
            worker.end()
            await worker.ended(within=GOODBYE_SECONDS)

    def reader(self, folder: Folder, name: str) -> "ImapReader":
        """Return a reader of one folder, not yet open."""
        return ImapReader(self._mailbox.name, self._settings, folder, name=name, clock=self._clock)

    def _folders(self, wire: Wire) -> Mapping[Folder, str]:
        server = f"{self._settings.host}:{self._settings.port}"
        with translated(server):
            client = log_in(wire, self._settings, heard=_nothing)
            client.begin(OPERATION_SECONDS)
            listed = [each for each in client.list_folders() if not _NOT_A_FOLDER.intersection(each[0])]
        junk = self._junk(listed)
        if junk is not None and junk not in (name for _, _, name in listed):
            raise MailboxTrouble(f"{server} has no folder {junk} for {self._settings.login.username}")
        with contextlib.suppress(MailboxTrouble), translated(server):
            client.begin(GOODBYE_SECONDS)
            client.logout()
        return {Folder.INBOX: self._mailbox.inbox} | ({Folder.JUNK: junk} if junk else {})

    def _junk(self, listed: list[tuple[tuple[bytes, ...], bytes, str]]) -> str | None:
        marked = (name for flags, _, name in listed if b"\\junk" in (flag.lower() for flag in flags))
        return self._mailbox.junk or next(marked, None)


class ImapReader:
    """Reads one folder; its blocking calls run in a thread of its own."""

    pace = timedelta(milliseconds=25)

    def __init__(self, mailbox: str, settings: ImapSettings, folder: Folder, *, name: str, clock: Clock) -> None:
        self._settings = settings
        self._name = name
        self._clock = clock
        self._place = lambda validity, uid: Place(mailbox, folder, validity, uid)
        self._wire = Wire()
        self._bell = Bell()
        self._worker = Worker(f"{mailbox} {folder}", last=self._free)
        self._session: ImapSession | None = None

    async def open(self, mark: Mark | None, *, since: datetime) -> None:
        """Connect, log in and open the folder read-only."""
        within = CONNECT_SECONDS + LOGIN_SECONDS + OPERATION_SECONDS
        await self._worker.run(lambda: self._open(mark, since), within=_longest(within))

    async def read(self) -> News:
        """Fetch what is new since the last reading."""
        return await self._worker.run(lambda: self._opened.read(), within=_longest(OPERATION_SECONDS))

    async def wait(self, longest: timedelta) -> None:
        """Return when the server says that something changed, when woken, or after so long."""
        within = longest.total_seconds() + 2 * OPERATION_SECONDS
        try:
            await self._worker.run(lambda: self._opened.wait(self._bell, longest), within=_longest(within))
        except BaseException:
            # Nobody waits any more: the thread must not keep the session to itself.
            self.wake()
            raise

    def wake(self) -> None:
        """Make a wait that goes on, or the next one, return at once."""
        self._bell.ring()

    async def remove(self, places: Sequence[Place], *, ours: Verifier) -> Sequence[Place]:
        """Delete messages for which `ours` still holds; return those gone."""
        return await self._worker.run(lambda: self._opened.remove(places, ours), within=_longest(OPERATION_SECONDS))

    async def close(self) -> None:
        """Log out if that is quick, and free everything; never raise."""
        self.wake()
        with contextlib.suppress(MailboxTrouble):
            if self._session is not None:
                await self._worker.run(lambda: self._opened.log_out(GOODBYE_SECONDS), within=GOODBYE_SECONDS)
        self._wire.cut()
        self._worker.end()
        await self._worker.ended(within=GOODBYE_SECONDS)

    def _open(self, mark: Mark | None, since: datetime) -> None:
        session = ImapSession(self._wire, self._settings, place=self._place, clock=self._clock)
        session.open(self._name, mark, since=since)
        self._session = session

    @property
    def _opened(self) -> ImapSession:
        if self._session is None:
            raise MailboxTrouble("the folder is not open")
        return self._session

    def _free(self) -> None:
        self._wire.close()
        self._bell.close()


def _longest(seconds: float) -> float:
    return seconds + _GRACE_SECONDS


def _nothing(kind: str, said: Any) -> None:
    """Take no interest in what a server says unasked."""
