"""Tidying: settled messages of ours, and reports about them, are deleted when their time is over; nothing else is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from probe.engine.happenings import DeletionRefused, Reporter
from probe.model.letter import Folder, Kind, Letter, Place, Sighting, recognise
from probe.model.settings import Mailbox, TagKey
from probe.ports import Clock, FolderReader, Ledger

EVERY = timedelta(seconds=1)
"""How often a folder is tidied at most."""
MOST = 200
"""Messages that are deleted in one go."""
LARGEST_REPORT = 64 * 1024
"""Octets of a report that is deleted: of a larger one only the beginning was ever read."""


class Tidier:
    """Tidy one folder, in between the readings of its session."""

    def __init__(
        self,
        mailbox: Mailbox,
        folder: Folder,
        ledger: Ledger,
        *,
        keys: Sequence[TagKey],
        clock: Clock,
        report: Reporter,
    ) -> None:
        self._mailbox = mailbox
        self._folder = folder
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._report = report
        self._refuses: bool | None = None
        self._last: datetime | None = None
        self._left: set[Place] = set()
        self.due: datetime | None = None
        """When there will be something to tidy, as far as is known."""

    def expect(self, sighting_seen: datetime) -> None:
        """Remember that there is a message of ours, and since when."""
        due = sighting_seen + self._mailbox.keep + EVERY
        self.due = min(self.due or due, due)

    async def tidy(self, reader: FolderReader, *, messages: int) -> None:
        """Delete what may be deleted now of a folder of so many messages; raises MailboxTrouble and LedgerTrouble."""
        now = self._clock.now()
        if self._last and timedelta(0) <= now - self._last < EVERY:
            return
        self._last = now
        self.due = None
        if await self._looks_like_a_persons(messages):
            return
        settled = await self._ledger.removable(
            self._mailbox.name, self._folder, seen_before=now - self._mailbox.keep, limit=MOST + len(self._left)
        )
        self._left.update(sighting.place for sighting in settled if sighting.report and sighting.size > LARGEST_REPORT)
        due = [sighting for sighting in settled if sighting.place not in self._left]
        if due:
            await self._remove(reader, due)

    async def _looks_like_a_persons(self, messages: int) -> bool:
        limit = self._mailbox.foreign_limit
        foreign = messages - await self._ledger.lying(self._mailbox.name, self._folder) if messages > limit else 0
        refuses = foreign > limit
        if self._refuses is not refuses:
            self._refuses = refuses
            self._report(DeletionRefused(self._mailbox.name, self._folder, foreign, refused=refuses))
        return refuses

    async def _remove(self, reader: FolderReader, due: Sequence[Sighting]) -> None:
        known = {sighting.place: sighting for sighting in due}

        def ours(place: Place, header: bytes, body: bytes) -> bool:
            sighting = known[place]
            letter = Letter(place, sighting.size, sighting.seen, None, header, body)
            kind, tag = recognise(letter, self._keys)
            expected = Kind.REPORT if sighting.report else Kind.OURS
            return kind is expected and tag is not None and tag.probe_id == sighting.probe_id

        gone = await reader.remove(list(known), ours=ours)
        await self._ledger.removed(gone)
        self._left.update(set(known) - set(gone))
