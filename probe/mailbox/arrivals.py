"""What a server has told of a folder's size, and when: so that each message knows when it was first heard of."""

from datetime import datetime


class Arrivals:
    """Counts EXISTS and EXPUNGE in the order in which they came."""

    def __init__(self) -> None:
        self.count = 0
        """How many messages the folder holds."""
        self.unread = 0
        """At most so many of them are above the cursor."""
        self.changes = 0
        """Grows with everything that is heard."""
        self._heard: list[tuple[int, datetime]] = []

    def opened(self, count: int, *, unread: int, now: datetime) -> None:
        """Begin anew: the folder was opened with so many messages."""
        self.count, self.unread = count, unread
        self._heard = [(count, now)]

    def exists(self, count: int, now: datetime) -> None:
        """Hear that the folder holds so many messages now."""
        self.changes += 1
        if count > self.count:
            self.unread += count - self.count
            self._heard.append((count, now))
        self.count = count

    def expunged(self, number: int) -> None:
        """Hear that a message is gone, and that those behind it have moved up."""
        self.changes += 1
        self.count = max(self.count - 1, 0)
        self._heard = [(count - (number <= count), heard) for count, heard in self._heard]

    def heard_of(self, number: int, *, now: datetime) -> datetime:
        """Return when a message with this sequence number was first heard of; now, if it never was."""
        return next((heard for count, heard in self._heard if number <= count), now)

    def read(self, unread_before: int) -> None:
        """Take note that what was unread has been read; what came meanwhile is still unread."""
        self.unread = max(self.unread - unread_before, 0)
        if not self.unread:
            del self._heard[:-1]
