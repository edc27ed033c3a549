"""Verdicts: what the evidence on all members of a pool means for a load balancer, thought over as it comes in."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from probe.engine.evidence import Evidence
from probe.engine.figures import MemberFigures
from probe.engine.happenings import Attempted, Ended, Happening, Judged, MembersKnown, Reporter, SharedFault
from probe.engine.kinship import Kinship
from probe.engine.opinions import Opinions
from probe.engine.words import Words
from probe.model.hold import Hold
from probe.model.outcome import State
from probe.model.overruling import NO_WORD, Word, decide, held
from probe.model.reply import Attempt
from probe.model.settings import MemberKey, Route, Settings, UnknownIs
from probe.model.verdict import NO_OPINION, Opinion, Verdict, joined, loses, remembered
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
        self._opinions = self._by_pool(settings.pools)
        self._of_sending = self._by_pool(self._both_ways())
        """Of pools where others only ask."""
        self._losing: dict[tuple[str, str], bool] = {}
        self._words = Words(settings.health.maintenance)
        self._heard: dict[str, Word] = {}
        """Per pool, what operators said when it was thought over last."""
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._told: dict[str, set[str]] = {}
        """Per pool, the members whose verdict was reported; not those whose verdict was only restored."""
        self._shared: dict[tuple[str, str], SharedFault] = {}
        self._kinship = Kinship(evidence)
        self._news = asyncio.Event()

    def restore(
        self, verdicts: Mapping[MemberKey, Verdict], turns: Mapping[MemberKey, Iterable[datetime]] | None = None
    ) -> None:
        """Take up the verdicts from before a restart, and when members were called up and down.

        Those whose evidence is stale turn unknown at once. Holds that last were there before, too: they are to be
        heard first.
        """
        now = self._clock.now()
        for (pool, name), verdict in verdicts.items():
            opinion = remembered(verdict)
            for opinions in self._kinds(pool):
                opinions.restore(name, opinion, (turns or {}).get((pool, name), ()))
            hold = self._words.on(pool, [name], now=now).holds.get(name)
            self._verdicts[pool, name] = held(verdict, opinion, None, hold, now=now) if hold else verdict

    def hear(self, holds: Mapping[MemberKey, Hold]) -> None:
        """Take up all holds that there are; what they change is told within a moment."""
        self._words.hear(holds)
        self._news.set()

    def __call__(self, happening: Happening) -> None:
        """Listen for what finished or was taken, and tell at once what was thought before of members that are new."""
        match happening:
            case Attempted(probe, Attempt(accepted=datetime() as at)):
                self._evidence.took(probe, at)
                self._news.set()
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
        names = list(self._members(pool))
        told = self._told.get(pool, set())
        new_or_gone = told.symmetric_difference(names)
        word = self._words.on(pool, names, now=self._clock.now())
        overruled = word.differs(self._heard.get(pool, NO_WORD)).intersection(names)
        self._heard[pool] = word
        # Also of those that are new: a verdict from before a restart says less than the evidence from before it.
        stale = {name for opinions in self._kinds(pool) for name in opinions.gone_stale()}
        doubtful = {
            name for name in names if name not in told or (pool, name) in changed or name in stale or name in overruled
        }
        if not doubtful and not new_or_gone:
            return
        self._form(pool, doubtful)
        self._tell(pool, names, changed=doubtful | new_or_gone)
        self._told[pool] = set(names)
        for opinions in self._kinds(pool):
            opinions.keep(names)
        if new_or_gone:
            self._forget(pool, names)
        for route in self._settings.routes_of(pool):
            self._consider_shared(route, names)

    def _forget(self, pool: str, names: Collection[str]) -> None:
        """Let go of what was told of members that are gone, and of which nothing is known any more."""
        for key in [key for key in self._verdicts if key[0] == pool and key[1] not in names]:
            if self._opinions[pool].of(key[1]) is NO_OPINION:
                del self._verdicts[key]
                self._losing.pop(key, None)

    def _form(self, pool: str, names: Collection[str]) -> None:
        self._opinions[pool].form({name: self._evidence.on(pool, name) for name in names})
        if pool in self._of_sending:
            sent = {name: self._evidence.of_sending(pool, name) for name in names}
            self._of_sending[pool].form(sent)
            self._losing.update(((pool, name), loses(weighed)) for name, weighed in sent.items())

    def _opinion(self, pool: str, name: str) -> Opinion:
        everything = self._opinions[pool].of(name)
        if pool not in self._of_sending:
            return everything
        return joined(everything, self._of_sending[pool].of(name), losing=self._losing.get((pool, name), False))

    def _tell(self, pool: str, names: Collection[str], *, changed: Collection[str]) -> None:
        opinions = self._kinship.told(pool, {name: self._opinion(pool, name) for name in names}, self._members(pool))
        before = {name: self._verdicts[pool, name] for name in names if (pool, name) in self._verdicts}
        min_healthy, now = self._settings.health.min_healthy, self._clock.now()
        word, held_down = self._heard[pool], self._held_down(pool, opinions)
        verdicts = decide(
            opinions, before, word, changed=changed, min_healthy=min_healthy, now=now, held_down=held_down
        )
        for name, verdict in verdicts.items():
            if before.get(name) != verdict or name not in self._told.get(pool, ()):
                self._verdicts[pool, name] = verdict
                self._report(Judged(pool, name, verdict, before.get(name)))

    def _held_down(self, pool: str, opinions: Mapping[str, Opinion]) -> int:
        if self._settings.health.unknown_is is not UnknownIs.HOLD:
            return 0
        holds = self._heard[pool].holds
        states = {name: holds[name].state if name in holds else opinion.state for name, opinion in opinions.items()}
        last_down = (name for name, figures in self._members(pool).items() if figures.held is State.DOWN)
        return sum(states[name] is State.UNKNOWN for name in last_down)

    def _kinds(self, pool: str) -> list[Opinions]:
        return [opinions[pool] for opinions in (self._opinions, self._of_sending) if pool in opinions]

    def _by_pool(self, pools: Iterable[str]) -> dict[str, Opinions]:
        policy, clock = self._settings.health, self._clock
        return {pool: Opinions(policy, stale_after=self._stale(pool), clock=clock) for pool in pools}

    def _both_ways(self) -> Iterator[str]:
        """Yield the pools whose members are sent messages on one route, and only asked on another."""
        for pool in self._settings.pools:
            if len({route.only_asks for route in self._settings.routes_of(pool)}) > 1:
                yield pool

    def _consider_shared(self, route: Route, names: Collection[str]) -> None:
        blame = self._evidence.blame(route, names)
        before = self._shared.get((route.pool, route.name), SharedFault(route.pool, route.name, False))
        if before.blame == blame:
            return
        same = before.blame and blame and before.blame.culprit is blame.culprit
        since = before.since if same else self._clock.now() if blame else None
        fault = SharedFault(route.pool, route.name, blame is not None and blame.fails, blame, since)
        self._shared[route.pool, route.name] = fault
        self._report(fault)

    def _stale(self, pool: str) -> timedelta:
        if self._settings.health.stale_after is not None:
            return self._settings.health.stale_after
        routes = list(self._settings.routes_of(pool))
        # An answer is known at once; only where nothing else is, retries may take until the deadline of asking.
        waits = [route for route in routes if not route.only_asks] or routes
        spans = (3 * route.interval + (route.deadline if route in waits else timedelta(0)) for route in routes)
        return max(spans, default=timedelta(0))
