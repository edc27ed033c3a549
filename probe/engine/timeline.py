"""A timeline: things in the order in which their probes started, however they came in, found by bisection."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


class Timeline(Generic[T]):
    """Keep things sorted by a moment; most come in nearly in order, which makes adding one cheap."""

    __slots__ = ("_items", "_moments")

    def __init__(self) -> None:
        self._moments: list[datetime] = []
        self._items: list[T] = []

    def add(self, moment: datetime, item: T) -> None:
        """Put a thing in its place."""
        place = bisect_right(self._moments, moment)
        self._moments.insert(place, moment)
        self._items.insert(place, item)

    def between(self, first: datetime, last: datetime) -> Iterator[T]:
        """Go through those from the first moment to the last, both included."""
        for place in range(bisect_left(self._moments, first), bisect_right(self._moments, last)):
            yield self._items[place]

    def take(self, first: datetime, last: datetime, wanted: Callable[[T], bool]) -> list[T]:
        """Remove and return what is wanted of those from the first moment to the last, both included."""
        start, end = bisect_left(self._moments, first), bisect_right(self._moments, last)
        taken, left = [], []
        for moment, item in zip(self._moments[start:end], self._items[start:end], strict=True):
            if wanted(item):
                taken.append(item)
            else:
                left.append((moment, item))
        if taken:
            self._moments[start:end] = [moment for moment, _ in left]
            self._items[start:end] = [item for _, item in left]
        return taken

    def cut(self, moment: datetime) -> list[T]:
        """Remove and return those before the moment."""
        place = bisect_left(self._moments, moment)
        old = self._items[:place]
        del self._moments[:place], self._items[:place]
        return old
