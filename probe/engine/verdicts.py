"""Verdicts: what the evidence on all members of a pool means for a load balancer, thought over as it comes in."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from probe.engine.evidence import Evidence
from probe.engine.figures import MemberFigures
from probe.engine.happenings import Ended, Happening, Judged, MembersKnown, Reporter, SharedFault
from probe.model.outcome import State
from probe.model.settings import Route, Settings, UnknownIs
from probe.model.verdict import NO_OPINION, Latest, Opinion, Verdict, Weighed, form, guard, latest
from probe.ports import Clock

THROTTLE = timedelta(milliseconds=250)
"""Evidence that comes in meanwhile is thought over together: one thought costs 14 ms at 10,000 members."""
AT_LEAST = timedelta(seconds=1)
"""How often verdicts are looked at even if nothing comes in: evidence goes stale by itself."""


class Verdicts:
    """Form the verdicts on the members of all pools; a Reporter, that listens for members and finished probes."""

    def __init__(
        self,
        settings: Settings,
        evidence: Evidence,
        *,
        members: Callable[[str], Mapping[str, MemberFigures]],
        clock: Clock,
        report: Reporter,
    ) -> None:
        self._settings = settings
        self._evidence = evidence
        self._members = members
        self._clock = clock
        self._report = report
        self._recent: dict[str, dict[str, Latest]] = {pool: {} for pool in settings.pools}
        self._opinions: dict[tuple[str, str], Opinion] = {}
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._told: dict[str, set[str]] = {}
        """Per pool, the members whose verdict was reported; not those whose verdict was only restored."""
        self._shared: dict[tuple[str, str], bool] = {}
        self._stale_after = {pool: self._stale(pool) for pool in settings.pools}
        self._news = asyncio.Event()

    def restore(self, verdicts: Mapping[tuple[str, str], Verdict]) -> None:
        """Take up the verdicts from before a restart; those whose evidence is stale turn unknown at once."""
        self._verdicts = dict(verdicts)
        self._opinions = {
            member: Opinion(verdict.state, verdict.reason, verdict.evidence, verdict.evidence_at)
            for member, verdict in verdicts.items()
        }

    def __call__(self, happening: Happening) -> None:
        """Listen for what finished, and tell at once what was thought before of members that are new."""
        match happening:
            case Ended(record):
                self._evidence.add(record)
                self._news.set()
            case MembersKnown(pool):
                self._consider(pool, ())
            case _:
                pass

    async def run(self) -> None:
        """Think again whenever there is news, and at least every second."""
        while True:
            self._news.clear()
            changed = self._evidence.changed()
            for pool in self._settings.pools:
                self._consider(pool, changed)
            await self._clock.sleep(THROTTLE.total_seconds())
            await self._clock.wait(self._news, AT_LEAST.total_seconds())

    def _consider(self, pool: str, changed: Collection[tuple[str, str]]) -> None:
        names, now = list(self._members(pool)), self._clock.now()
        new_or_gone = self._told.get(pool, set()).symmetric_difference(names)
        doubtful = {name for name in names if (pool, name) in changed or self._gone_stale(pool, name, now=now)}
        if not doubtful and not new_or_gone:
            return
        self._form(pool, doubtful)
        self._tell(pool, names, changed=doubtful | new_or_gone)
        self._told[pool] = set(names)
        for gone in self._recent[pool].keys() - set(names):
            del self._recent[pool][gone]
        for route in self._settings.routes_of(pool):
            self._consider_shared(route, names)

    def _form(self, pool: str, names: Collection[str]) -> None:
        evidence = {name: self._evidence.on(pool, name) for name in names}
        recent = self._recent[pool]
        recent.update((name, latest(weighed)) for name, weighed in evidence.items())
        for name, weighed in evidence.items():
            others = (each for other, each in recent.items() if other != name)
            self._opinions[pool, name] = self._opinion(pool, name, weighed, others)

    def _tell(self, pool: str, names: Collection[str], *, changed: Collection[str]) -> None:
        opinions = {name: self._opinions.get((pool, name), NO_OPINION) for name in names}
        before = {name: self._verdicts[pool, name] for name in names if (pool, name) in self._verdicts}
        min_healthy, now = self._settings.health.min_healthy, self._clock.now()
        held_down = self._held_down(pool, opinions)
        verdicts = guard(opinions, before, changed=changed, min_healthy=min_healthy, now=now, held_down=held_down)
        for name, verdict in verdicts.items():
            if before.get(name) != verdict or name not in self._told.get(pool, ()):
                self._verdicts[pool, name] = verdict
                self._report(Judged(pool, name, verdict, before.get(name)))

    def _held_down(self, pool: str, opinions: Mapping[str, Opinion]) -> int:
        if self._settings.health.unknown_is is not UnknownIs.HOLD:
            return 0
        held = (name for name, figures in self._members(pool).items() if figures.held is State.DOWN)
        return sum(opinions[name].state is State.UNKNOWN for name in held)

    def _opinion(self, pool: str, name: str, weighed: Sequence[Weighed], others: Iterable[Latest]) -> Opinion:
        return form(
            self._opinions.get((pool, name), NO_OPINION),
            weighed,
            policy=self._settings.health,
            stale_after=self._stale_after[pool],
            now=self._clock.now(),
            others=others,
        )

    def _gone_stale(self, pool: str, name: str, *, now: datetime) -> bool:
        opinion = self._opinions.get((pool, name), NO_OPINION)
        if opinion.evidence_at is None or opinion.state is State.UNKNOWN:
            return False
        return now - opinion.evidence_at > self._stale_after[pool]

    def _consider_shared(self, route: Route, names: Collection[str]) -> None:
        shared = self._evidence.shared_fault(route.pool, route.name, names)
        if self._shared.get((route.pool, route.name), False) != shared:
            self._shared[route.pool, route.name] = shared
            self._report(SharedFault(route.pool, route.name, shared))

    def _stale(self, pool: str) -> timedelta:
        if self._settings.health.stale_after is not None:
            return self._settings.health.stale_after
        spans = (3 * route.interval + route.deadline for route in self._settings.routes_of(pool))
        return max(spans, default=timedelta(0))
