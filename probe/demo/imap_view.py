"""One IMAP session's picture of its selected folder: which numbers its client believes in."""

from collections.abc import Iterable, Iterator

from probe.demo.imap_grammar import Word, ranges
from probe.demo.imap_items import Extent
from probe.demo.store import Folder, Message


class View:
    """Sequence numbers as this client knows them; they move only when `news` has told it so.

    The folder may change at any moment by other sessions and by deliveries.
    """

    def __init__(self, folder: Folder, *, read_only: bool) -> None:
        self.folder = folder
        self.read_only = read_only
        self._uidvalidity = folder.uidvalidity
        self._uids = [message.uid for message in folder.messages]

    @property
    def valid(self) -> bool:
        """Say whether the UIDs of this session still mean anything."""
        return self.folder.uidvalidity == self._uidvalidity

    @property
    def extent(self) -> Extent:
        """Return what `*` stands for in this session."""
        return Extent(len(self._uids), self._uids[-1] if self._uids else 0)

    def news(self) -> list[bytes]:
        """Return what the client has to be told, and take it as told (RFC 3501 7.3.1, 7.4.1)."""
        told: list[bytes] = []
        for number in range(len(self._uids), 0, -1):  # from the end, so that the numbers before stay right
            if self.folder.find(self._uids[number - 1]) is None:
                del self._uids[number - 1]
                told.append(b"%d EXPUNGE" % number)
        last = self._uids[-1] if self._uids else 0
        arrived = [message.uid for message in self.folder.messages if message.uid > last]
        if arrived:
            self._uids += arrived
            told.append(b"%d EXISTS" % len(self._uids))
        return told

    def messages(self) -> Iterator[tuple[int, Message]]:
        """Yield every message that is still there, with its number."""
        for number, uid in enumerate(self._uids, start=1):
            if message := self.folder.find(uid):
                yield number, message

    def chosen(self, numbers: Word, *, by_uid: bool) -> list[tuple[int, Message]]:
        """Return the messages of a sequence set, or of a set of UIDs."""
        extent = self.extent
        sets = ranges(numbers, largest=extent.largest_uid if by_uid else extent.messages)
        return [
            (number, message)
            for number, message in self.messages()
            if any((message.uid if by_uid else number) in each for each in sets)
        ]

    def expunge(self, messages: Iterable[Message]) -> None:
        """Remove those of `messages` that are marked deleted."""
        self.folder.expunge([message.uid for message in messages if "\\Deleted" in message.flags])
