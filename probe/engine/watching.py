"""Watching one folder: waiting for pushes, asking while mail is expected in it, and handing on what was read."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from probe.engine import asking
from probe.engine.flight import Flight
from probe.engine.settling import Settler
from probe.engine.tidying import Tidier
from probe.model.letter import Folder
from probe.ports import Clock, FolderReader, Ledger, Mark, News

WORTH_IDLING = timedelta(milliseconds=500)
"""For less, a push is not waited for: Dovecot holds it back for as long."""

ReadWhole = Callable[[Folder, datetime, News], Awaitable[None]]
"""Told of each complete reading: the folder, when the reading began, what it brought."""


class FolderWatch:
    """One session with one folder, from log in to the first trouble."""

    def __init__(
        self,
        mailbox: str,
        folder: Folder,
        reader: FolderReader,
        ledger: Ledger,
        flight: Flight,
        settler: Settler,
        tidier: Tidier,
        *,
        clock: Clock,
        read_whole: ReadWhole,
    ) -> None:
        self._mailbox = mailbox
        self._folder = folder
        self._reader = reader
        self._ledger = ledger
        self._flight = flight
        self._settler = settler
        self._tidier = tidier
        self._clock = clock
        self._read_whole = read_whole
        self._stirred = asyncio.Event()
        self._idles = False
        self._backlog = 0
        self._messages = 0
        self._read_from = clock.now()
        """When the last complete reading began."""

    def stir(self) -> None:
        """Make the watch think again about when to ask next, because mail is expected."""
        self._stirred.set()
        if self._idles:  # Else it would be the next wait that is cut short, by nothing new.
            self._reader.wake()

    async def run(self, *, since: datetime) -> None:
        """Watch until there is trouble: raises MailboxTrouble or LedgerTrouble."""
        try:
            mark = await self._ledger.mark(self._mailbox, self._folder)
            await self._reader.open(mark, since=since)
            while True:
                mark = await self._read(mark)
                await self._tidier.tidy(self._reader, messages=self._messages)
                await self._pause()
        finally:
            await self._reader.close()

    async def _read(self, mark: Mark | None) -> Mark | None:
        """Read until no news is left; what was read is in the ledger before it counts as read."""
        while True:
            began = self._clock.now()
            news = await self._reader.read()
            await self._settler.take(self._mailbox, news.letters, rescan=news.rescan)
            for letter in news.letters:
                self._tidier.expect(letter.seen)
            if news.mark and news.mark != mark:
                await self._ledger.set_mark(self._mailbox, self._folder, news.mark)
                mark = news.mark
            if not news.more:
                self._read_from, self._backlog, self._messages = began, news.backlog, news.messages
                await self._read_whole(self._folder, began, news)
                return mark

    async def _pause(self) -> None:
        """Wait for the next reading; being stirred can only bring it nearer, and never nearer than the pace."""
        due = self._clock.now() + asking.IDLE_POLL
        while True:
            self._stirred.clear()
            now = self._clock.now()
            due = min(due, now + self._next(now))
            if due - now >= WORTH_IDLING:
                await self._idle(due - now)
            else:
                await self._clock.wait(self._stirred, (due - now).total_seconds())
            if not self._stirred.is_set():
                return

    async def _idle(self, longest: timedelta) -> None:
        self._idles = True
        try:
            await self._reader.wait(longest)
        finally:
            self._idles = False

    def _next(self, now: datetime) -> timedelta:
        if self._backlog:
            return asking.BETWEEN_SLICES
        to_tidy = max(self._tidier.due - now, timedelta(0)) if self._tidier.due else asking.IDLE_POLL
        return min(to_tidy, self._pause_to_read(now))

    def _pause_to_read(self, now: datetime) -> timedelta:
        return asking.pause(
            now,
            expected_since=self._flight.expected_since(self._mailbox),
            next_deadline=self._flight.next_deadline(self._mailbox, after=self._read_from),
            pace=self._reader.pace,
        )
