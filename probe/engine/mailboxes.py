"""Keeping a mailbox under watch through all trouble, and knowing until when it was seen whole."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from probe.engine.flight import Flight
from probe.engine.happenings import FolderRead, MailboxFailed, MailboxInUse, Reporter
from probe.engine.ledger_state import LedgerState
from probe.engine.settling import Settler
from probe.engine.watching import FolderWatch, ReadWhole
from probe.model.letter import Folder
from probe.ports import Clock, LedgerTrouble, MailboxAccess, MailboxBusy, MailboxTrouble, News

Trouble = TypeVar("Trouble", bound=BaseException)

log = logging.getLogger(__name__)

FIRST_BACK_OFF = timedelta(milliseconds=200)
LONGEST_BACK_OFF = timedelta(seconds=5)

NewWatch = Callable[[Folder, str, ReadWhole], FolderWatch]
"""Makes the watch of a folder, by the folder and its name on the server."""


class MailboxWatch:
    """Watch all folders of one mailbox, each in a session of its own."""

    def __init__(
        self,
        mailbox: str,
        access: MailboxAccess,
        new_watch: NewWatch,
        flight: Flight,
        settler: Settler,
        ledger_state: LedgerState,
        *,
        clock: Clock,
        report: Reporter,
    ) -> None:
        self._mailbox = mailbox
        self._access = access
        self._new_watch = new_watch
        self._flight = flight
        self._settler = settler
        self._ledger_state = ledger_state
        self._clock = clock
        self._report = report
        self._since = clock.now()
        self._watches: list[FolderWatch] = []
        self._read: dict[Folder, FolderRead] = {}
        self._untold: dict[Folder, FolderRead] = {}
        """Readings of some folders; they are told when all were read, for one alone makes no mailbox readable."""
        self._back_off = FIRST_BACK_OFF

    def stir(self) -> None:
        """Make the watch ask soon, because mail is expected."""
        for watch in self._watches:
            watch.stir()

    def clock_set(self) -> None:
        """Forget when folders were read: the wall clock was set, and those moments mean nothing any more."""
        self._read, self._untold = {}, {}

    async def run(self) -> None:
        """Watch for ever; trouble is reported, and tried again later and later."""
        while True:
            try:
                await self._watch_folders()
            except* MailboxTrouble as group:
                self._trouble(_first(group))
            except* LedgerTrouble as group:
                self._ledger_state.failed(_first(group))
            await self._clock.sleep(self._back_off.total_seconds())
            self._back_off = min(2 * self._back_off, LONGEST_BACK_OFF)

    async def _watch_folders(self) -> None:
        folders = await self._access.folders()
        self._read, self._untold = {}, {}
        self._watches = [self._new_watch(folder, name, self._whole(set(folders))) for folder, name in folders.items()]
        since = min(self._since, self._flight.oldest_start(self._mailbox) or self._since)
        try:
            async with asyncio.TaskGroup() as group:
                for watch in self._watches:
                    group.create_task(watch.run(since=since))
        finally:
            self._watches = []

    def _whole(self, folders: set[Folder]) -> ReadWhole:
        async def read_whole(folder: Folder, began: datetime, news: News) -> None:
            if began > self._clock.now():
                return  # The clock was set back meanwhile; the next reading counts.
            read = FolderRead(
                self._mailbox,
                folder,
                began,
                news.messages,
                backlog=news.backlog,
                since=news.since,
                troubles=news.troubles,
                quota=news.quota,
            )
            self._read[folder] = self._untold[folder] = read
            if set(self._read) == folders:
                self._tell()
                until = min(read.at for read in self._read.values())
                since = max((read.since for read in self._read.values() if read.since), default=None)
                await self._settler.watched(self._mailbox, until, since=since)
                self._back_off = FIRST_BACK_OFF

        return read_whole

    def _tell(self) -> None:
        for read in self._untold.values():
            self._report(read)
        self._untold = {}

    def _trouble(self, trouble: MailboxTrouble) -> None:
        self._settler.blinded(self._mailbox, str(trouble))
        if isinstance(trouble, MailboxBusy):
            self._report(MailboxInUse(self._mailbox, str(trouble)))
        else:
            self._report(MailboxFailed(self._mailbox, str(trouble), trouble.kind))


def _first(group: BaseExceptionGroup[Trouble]) -> Trouble:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
