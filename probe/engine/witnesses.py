"""The witnesses: finished probes, filed so that a few bisections find all that matters for another one."""

from collections import defaultdict
from datetime import datetime, timedelta

from probe.engine.timeline import Timeline
from probe.model.blame import Finished, can_tell
from probe.model.outcome import Outcome

Kind = tuple[Outcome, bool]
"""Outcome, and whether it was as expected: of those that are the same in both, one says all that many say."""


class Witnesses:
    """Find, for any probe, one other of each kind that started within its interval, after it and before it."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[Kind, Timeline[Finished]]] = defaultdict(lambda: defaultdict(Timeline))

    def add(self, witness: Finished) -> None:
        """File a finished probe."""
        self._kinds[witness.route][witness.outcome, witness.succeeded].add(witness.started, witness)

    def after(self, probe: Finished) -> list[Finished]:
        """Return those that started with a probe or within one interval after it: one of each kind."""
        return self._that_can_tell(probe, probe.started, probe.started + probe.interval)

    def before(self, probe: Finished) -> list[Finished]:
        """Return those that started within one interval before a probe: one of each kind."""
        return self._that_can_tell(probe, probe.started - probe.interval, probe.started - timedelta.resolution)

    def thin(self, before: datetime) -> None:
        """Let go of those that started before a moment, but for those that probes after it may need.

        These are the latest of each kind, and the latest of another member, should the first be the probe's own.
        """
        for kinds in self._kinds.values():
            for kind in kinds.values():
                for witness in _latest_two(kind.cut(before)):
                    kind.add(witness.started, witness)

    def _that_can_tell(self, probe: Finished, first: datetime, last: datetime) -> list[Finished]:
        found = (
            next((witness for witness in kind.between(first, last) if can_tell(witness, probe)), None)
            for kind in self._kinds[probe.route].values()
        )
        return [witness for witness in found if witness is not None]


def _latest_two(old: list[Finished]) -> list[Finished]:
    if not old:
        return []
    latest = old[-1]
    another = next((witness for witness in reversed(old) if witness.identity != latest.identity), latest)
    return [latest] if another is latest else [another, latest]
