"""Tidying: settled messages of ours are deleted when their time is over, and nothing else ever is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from probe.model.letter import Folder, Kind, Letter, Place, Sighting, recognise
from probe.model.settings import Mailbox, TagKey
from probe.ports import Clock, FolderReader, Ledger

EVERY = timedelta(seconds=1)
"""How often a folder is tidied at most."""
MOST = 200
"""Messages that are deleted in one go."""


class Tidier:
    """Tidy one folder, in between the readings of its session."""

    def __init__(
        self, mailbox: Mailbox, folder: Folder, ledger: Ledger, *, keys: Sequence[TagKey], instance: str, clock: Clock
    ) -> None:
        self._mailbox = mailbox
        self._folder = folder
        self._ledger = ledger
        self._keys = keys
        self._instance = instance
        self._clock = clock
        self._last: datetime | None = None
        self._left: set[Place] = set()
        self.due: datetime | None = None
        """When there will be something to tidy, as far as is known."""

    def expect(self, sighting_seen: datetime) -> None:
        """Remember that there is a message of ours, and since when."""
        due = sighting_seen + self._mailbox.keep + EVERY
        self.due = min(self.due or due, due)

    async def tidy(self, reader: FolderReader) -> None:
        """Delete what may be deleted now; raises MailboxTrouble and LedgerTrouble."""
        now = self._clock.now()
        if self._last and timedelta(0) <= now - self._last < EVERY:
            return
        self._last = now
        self.due = None
        settled = await self._ledger.removable(
            self._mailbox.name, self._folder, seen_before=now - self._mailbox.keep, limit=MOST + len(self._left)
        )
        due = [sighting for sighting in settled if sighting.place not in self._left]
        if due:
            await self._remove(reader, due)

    async def _remove(self, reader: FolderReader, due: Sequence[Sighting]) -> None:
        owners = {sighting.place: sighting.probe_id for sighting in due}

        def ours(place: Place, header: bytes) -> bool:
            letter = Letter(place, 0, due[0].seen, None, header)
            kind, tag = recognise(letter, self._keys, instance=self._instance)
            return kind is Kind.OURS and tag is not None and tag.probe_id == owners[place]

        gone = await reader.remove(list(owners), ours=ours)
        await self._ledger.removed(gone)
        self._left.update(set(owners) - set(gone))
