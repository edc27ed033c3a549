"""A mailbox over IMAP: a session and a thread for each folder that is watched."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from probe.mailbox.bell import Bell
from probe.mailbox.credentials import Credentials
from probe.mailbox.imap_login import log_in
from probe.mailbox.imap_session import ImapSession
from probe.mailbox.junk import junk_folder
from probe.mailbox.patience import Patience
from probe.mailbox.trouble import translated
from probe.mailbox.wire import Wire
from probe.mailbox.worker import Worker
from probe.model.letter import Folder, Place
from probe.model.settings import ImapSettings, Mailbox
from probe.model.trouble import TroubleKind
from probe.ports import Clock, MailboxTrouble, Mark, News, Verifier

_NOT_A_FOLDER = {b"\\Noselect", b"\\NonExistent"}


class ImapAccess:
    """The way into one mailbox."""

    def __init__(
        self,
        mailbox: Mailbox,
        settings: ImapSettings,
        *,
        credentials: Credentials,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._mailbox = mailbox
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._patience = patience

    async def folders(self) -> Mapping[Folder, str]:
        """Return the inbox and, if there is one, the junk folder."""
        wire = Wire()
        worker = Worker(f"{self._mailbox.name} folders", last=wire.close)
        try:
            return await worker.run(lambda: self._folders(wire), within=self._patience.login_seconds)
        finally:
            wire.cut()
            worker.end()
            await worker.ended(within=self._patience.goodbye_seconds)

    def reader(self, folder: Folder, name: str) -> "ImapReader":
        """Return a reader of one folder, not yet open."""
        return ImapReader(
            self._mailbox.name,
            self._settings,
            folder,
            name=name,
            longest_body=self._mailbox.longest_body,
            credentials=self._credentials,
            clock=self._clock,
            patience=self._patience,
        )

    def _folders(self, wire: Wire) -> Mapping[Folder, str]:
        server = self._settings.endpoint
        with translated(server):
            client = log_in(
                wire, self._settings, credentials=self._credentials, heard=_nothing, patience=self._patience
            )
            client.begin(self._patience.operation_seconds)
            listed = [each for each in client.list_folders() if not _NOT_A_FOLDER.intersection(each[0])]
            junk = self._mailbox.junk or junk_folder(listed, inbox=self._mailbox.inbox)
        if junk is not None and junk not in (name for _, _, name in listed):
            said = f"{server} has no folder {junk} for {self._settings.login.username}"
            raise MailboxTrouble(said, TroubleKind.FOLDER_GONE)
        with contextlib.suppress(MailboxTrouble), translated(server):
            client.begin(self._patience.goodbye_seconds)
            client.logout()
        return {Folder.INBOX: self._mailbox.inbox} | ({Folder.JUNK: junk} if junk else {})


class ImapReader:
    """Reads one folder; its blocking calls run in a thread of its own."""

    pace = timedelta(milliseconds=25)

    def __init__(
        self,
        mailbox: str,
        settings: ImapSettings,
        folder: Folder,
        *,
        name: str,
        longest_body: int,
        credentials: Credentials,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._name = name
        self._longest_body = longest_body
        self._clock = clock
        self._patience = patience
        self._is_inbox = folder is Folder.INBOX
        self._place = lambda validity, uid: Place(mailbox, folder, validity, uid)
        self._wire = Wire()
        self._bell = Bell()
        self._worker = Worker(f"{mailbox} {folder}", last=self._free)
        self._session: ImapSession | None = None

    async def open(self, mark: Mark | None, *, since: datetime) -> None:
        """Connect, log in and open the folder read-only."""
        within = self._patience.login_seconds + self._patience.operation_seconds
        await self._worker.run(lambda: self._open(mark, since), within=within)

    async def read(self) -> News:
        """Fetch what is new since the last reading."""
        return await self._worker.run(lambda: self._opened.read(), within=self._patience.longest_seconds)

    async def wait(self, longest: timedelta) -> None:
        """Return when the server says that something changed, when woken, or after so long."""
        within = longest.total_seconds() + 2 * self._patience.longest_seconds
        try:
            await self._worker.run(lambda: self._opened.wait(self._bell, longest), within=within)
        except BaseException:
            # Nobody waits any more: the thread must not keep the session to itself.
            self.wake()
            raise

    def wake(self) -> None:
        """Make a wait that goes on, or the next one, return at once."""
        self._bell.ring()

    async def remove(self, places: Sequence[Place], *, ours: Verifier) -> Sequence[Place]:
        """Delete messages for which `ours` still holds; return those gone."""
        return await self._worker.run(lambda: self._opened.remove(places, ours), within=self._patience.longest_seconds)

    async def close(self) -> None:
        """Log out if that is quick, and free everything; never raise."""
        self.wake()
        with contextlib.suppress(MailboxTrouble):
            if self._session is not None:
                await self._worker.run(lambda: self._opened.log_out(), within=self._patience.goodbye_seconds)
        self._wire.cut()
        self._worker.end()
        await self._worker.ended(within=self._patience.goodbye_seconds)

    def _open(self, mark: Mark | None, since: datetime) -> None:
        session = ImapSession(
            self._wire,
            self._settings,
            credentials=self._credentials,
            place=self._place,
            is_inbox=self._is_inbox,
            longest_body=self._longest_body,
            clock=self._clock,
            patience=self._patience,
        )
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


def _nothing(kind: str, said: Any) -> None:
    """Take no interest in what a server says unasked."""
