"""What lies in a folder and has not been read yet: ranges of UIDs, worked down from the newest message."""

from dataclasses import dataclass, replace
from datetime import datetime

from probe.ports import Gap

MOST_GAPS = 8
"""Of more, the two oldest become one: what was read between them is read again, and known again by its place."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Messages from one UID to another, both included."""

    first: int
    last: int
    heard: datetime
    """When it was heard of them; none of them came later."""
    rescan: bool
    """They may have been seen before, under other numbers."""


class Backlog:
    """Hold what is left to be read; what is taken counts as read as soon as the mark after it is remembered."""

    def __init__(self) -> None:
        self._unread: list[Unread] = []
        """The oldest first."""

    def add(self, unread: Unread) -> None:
        """Put newer messages on top of what is left."""
        if unread.first > unread.last:
            return
        self._unread.append(unread)
        if len(self._unread) > MOST_GAPS:
            older, newer = self._unread[:2]
            merged = Unread(older.first, newer.last, max(older.heard, newer.heard), rescan=older.rescan or newer.rescan)
            self._unread[:2] = [merged]

    def take(self, most: int) -> Unread | None:
        """Return the newest range, of so many UIDs at most; None when nothing is left."""
        if not self._unread:
            return None
        newest = self._unread.pop()
        first = max(newest.first, newest.last - most + 1)
        if first > newest.first:
            self._unread.append(replace(newest, last=first - 1))
        return replace(newest, first=first)

    @property
    def size(self) -> int:
        """Return how many messages are left at most."""
        return sum(unread.last - unread.first + 1 for unread in self._unread)

    @property
    def since(self) -> datetime | None:
        """Return since when nothing came that is left; None when nothing is."""
        return max((unread.heard for unread in self._unread), default=None)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Return what is left as a mark remembers it."""
        return tuple((unread.first, unread.last) for unread in self._unread)
