"""The ways that the last messages of each path took, so that a new one is noticed."""

from collections import deque

from probe.model.letter import Hop
from probe.model.path import Signature, changes, signature
from probe.model.probe import PathKey

REMEMBERED = 5
"""Ways per path: where the hosts of a farm take turns, none of them is news."""
MOST = 20_000
"""Paths that are remembered; beyond that the one that was quiet for longest is forgotten."""


class Paths:
    """Remember ways, and tell how a new one differs from them."""

    def __init__(self) -> None:
        self._ways: dict[PathKey, deque[Signature]] = {}

    def changes(self, path: PathKey, hops: tuple[Hop, ...]) -> tuple[str, ...]:
        """Say how the way of a message differs from those of the messages before it."""
        return changes(signature(hops), tuple(self._ways.get(path, ())))

    def remember(self, path: PathKey, hops: tuple[Hop, ...]) -> None:
        """Take the way of a message for known."""
        if not (way := signature(hops)):
            return
        ways = self._ways.pop(path, None) or deque(maxlen=REMEMBERED)
        ways.append(way)
        self._ways[path] = ways
        if len(self._ways) > MOST:
            del self._ways[next(iter(self._ways))]
