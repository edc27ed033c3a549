"""The latest outcomes of every member on every route, in short, as a page shows them."""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from probe.model.outcome import Outcome
from probe.model.probe import Record

STRIP = 40
"""Outcomes that are remembered of a member on a route."""


@dataclass(frozen=True, slots=True)
class Box:
    """What one finished probe came to."""

    probe_id: str
    outcome: Outcome
    as_expected: bool
    finished: datetime
    delivery_time: timedelta | None

    @property
    def failed(self) -> bool:
        """Tell whether it ended otherwise than expected; of an unknown one nobody can tell."""
        return not self.as_expected and self.outcome is not Outcome.UNKNOWN


class Strips:
    """Remember so many outcomes, and no more."""

    def __init__(self) -> None:
        self._boxes: dict[tuple[str, str], dict[str, deque[Box]]] = defaultdict(dict)

    def add(self, record: Record) -> None:
        """Take in a finished probe."""
        probe, judgement = record.probe, record.judgement
        if judgement is None or record.finished is None:
            return
        box = Box(probe.id, judgement.outcome, record.succeeded, record.finished, record.delivery_time)
        self._boxes[probe.pool, probe.member].setdefault(probe.route, deque(maxlen=STRIP)).append(box)

    def of(self, pool: str, member: str) -> Mapping[str, Sequence[Box]]:
        """Return what is remembered of a member by route, the oldest first."""
        return self._boxes.get((pool, member), {})

    def keep(self, pool: str, members: Collection[str]) -> None:
        """Forget all other members of a pool."""
        for key in [key for key in self._boxes if key[0] == pool and key[1] not in members]:
            del self._boxes[key]
