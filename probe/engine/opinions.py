"""Opinions: what the members of a pool deserve by their own evidence, each formed from the one before."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from probe.model.blame import Finished, Weighed
from probe.model.outcome import State
from probe.model.settings import HealthPolicy
from probe.model.verdict import NO_OPINION, Opinion, form, latest
from probe.ports import Clock

KEPT = 100
"""Changes of a member that are remembered: more than are needed to see that it flaps."""


class Opinions:
    """Hold the opinions on the members of a pool by evidence of one kind."""

    def __init__(self, policy: HealthPolicy, *, stale_after: timedelta, clock: Clock) -> None:
        self._policy = policy
        self._stale_after = stale_after
        self._clock = clock
        self._opinions: dict[str, Opinion] = {}
        self._recent: dict[str, list[Finished]] = {}
        self._called: dict[str, State] = {}
        """Up or down, whatever was known since."""
        self._changes: dict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=KEPT))

    def of(self, name: str) -> Opinion:
        """Return the opinion on a member."""
        return self._opinions.get(name, NO_OPINION)

    def restore(self, name: str, opinion: Opinion, changes: Iterable[datetime] = ()) -> None:
        """Take up an opinion from before a restart, and when the member was called up or down."""
        self._opinions[name] = opinion
        self._changes[name].extend(changes)
        self._note(name)

    def form(self, evidence: Mapping[str, Sequence[Weighed]]) -> None:
        """Form opinions anew from the evidence on these members, beside that on all others."""
        self._recent.update((name, latest(weighed)) for name, weighed in evidence.items())
        for name, weighed in evidence.items():
            self._opinions[name] = form(
                self.of(name),
                weighed,
                policy=self._policy,
                stale_after=self._stale_after,
                now=self._clock.now(),
                others=(recent for other, recent in self._recent.items() if other != name),
                changes=self._changes.get(name, ()),
            )
            self._note(name)

    def gone_stale(self) -> set[str]:
        """Return the members on whom the opinion rests on evidence that has gone stale since it was formed."""
        now, stale_after = self._clock.now(), self._stale_after
        return {
            name
            for name, opinion in self._opinions.items()
            # Both ways, as when it is formed.
            if opinion.state is not State.UNKNOWN
            and opinion.evidence_at
            and abs(now - opinion.evidence_at) > stale_after
        }

    def keep(self, names: Collection[str]) -> None:
        """Hear no members any more but these; what was thought of others is known until it is stale."""
        kept = set(names)
        for name in self._recent.keys() - kept:
            del self._recent[name]
        if not (gone := self._opinions.keys() - kept):
            return
        stale = self.gone_stale()
        for name in gone:
            if self.of(name).state is State.UNKNOWN or name in stale:
                for known in (self._opinions, self._called, self._changes):
                    known.pop(name, None)

    def _note(self, name: str) -> None:
        state, before = self._opinions[name].state, self._called.get(name)
        if state is State.UNKNOWN or state is before:
            return
        self._called[name] = state
        if before is not None:
            self._changes[name].append(self._clock.now())
