"""The evidence on every member: its latest finished probes, each heard against those of the others.

What a probe weighs is defined by ``probe.model.blame.weigh`` over all others. Asking all others again for every probe
would cost the square of their number, so that here they are filed: a new probe is told what those before it say
(``witnesses``), and says it to those before it that can still change (``cases``), each found by its start
(``timeline``). A test holds the result to the definition.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from probe.engine.cases import Case, OpenCases
from probe.engine.witnesses import Witnesses
from probe.model.blame import Finished, Weighed, can_speak_against, weigh
from probe.model.culprit import Blame, Standing, blame_of_route
from probe.model.outcome import Outcome
from probe.model.probe import Probe, Record
from probe.model.reply import Ending
from probe.model.settings import MemberKey, Route

KEPT = 32
"""Finished probes per member and route, beside those that the policy needs."""

SLACK = timedelta(minutes=1)
"""How long after its deadline a probe may finish and still be heard; and how often the old ones are let go."""


class Evidence:
    """Collect finished probes: each hears those of others that finished before, and is heard in cases still open.

    What one costs does not grow with the number of members, whether they fail or not.
    """

    def __init__(self, routes: Mapping[str, Route], *, needed: int, stale_after: timedelta | None = None) -> None:
        self._routes = routes
        reach = (KEPT * route.interval + route.deadline for route in routes.values())
        self._reaches_back = max(stale_after or timedelta(0), *reach, timedelta(0))
        self._kept = KEPT + needed
        self._cases: dict[MemberKey, dict[str, deque[Case]]] = defaultdict(self._by_route)
        """By member and route: one that is probed often must not make those forgotten that are probed seldom."""
        self._hosts: dict[MemberKey, frozenset[str]] = {}
        self._witnesses = Witnesses()
        self._open = OpenCases()
        self._latest: dict[str, dict[str, Finished]] = defaultdict(dict)
        """By route and member, those that somebody can tell of."""
        self._newest: dict[str, dict[str, Finished]] = defaultdict(dict)
        self._changed: set[MemberKey] = set()
        self._lasts = max((route.deadline for route in routes.values()), default=timedelta(0)) + SLACK
        self._tidied: datetime | None = None
        self._last: datetime | None = None
        """When the probe finished that was taken in last."""

    def add(self, record: Record) -> None:
        """Take in a probe that has its outcome; one of a route that is no longer configured tells nothing."""
        route = self._routes.get(record.probe.route)
        if route is None or record.judgement is None or record.finished is None:
            return
        finished = _finished(record, route)
        self._tidy(finished.finished)
        self._last = finished.finished
        self._cases[finished.identity][finished.route].append(self._open_case(finished))
        self._changed.add(finished.identity)
        if record.arrival:
            self._hosts[finished.identity] = frozenset(hop.by for hop in record.arrival.hops if hop.by)
        self._newest[finished.route][finished.member] = finished
        if finished.taken or finished.outcome is not Outcome.UNKNOWN:
            self._speak(finished)
        if finished.outcome is not Outcome.UNKNOWN:
            self._latest[finished.route][finished.member] = finished

    def took(self, probe: Probe, at: datetime) -> None:
        """Take in that a member took the message of a probe whose outcome may be known in minutes, or never.

        Already now it shows that those are worse off that cannot be reached.
        """
        if route := self._routes.get(probe.route):
            self._speak(_taken(probe, route, at))

    def changed(self) -> set[MemberKey]:
        """Return the members of whom something else is known than when this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    def on(self, pool: str, member: str) -> list[Weighed]:
        """Return what is known of a member, oldest first, each probe with its weight as of now."""
        return self._weighed((pool, member), self._routes)

    def of_sending(self, pool: str, member: str) -> list[Weighed]:
        """Return those of them for which a message was sent."""
        return [weighed for weighed in self.on(pool, member) if not weighed[0].only_asks]

    def hosts(self, pool: str, member: str) -> frozenset[str]:
        """Return those that the last message went through that a member delivered."""
        return self._hosts.get((pool, member), frozenset())

    def blame(self, route: Route, members: Iterable[str]) -> Blame | None:
        """Say what is to blame where it works for none of these members on a route, or nobody can tell of any."""
        names = set(members)
        here = self._standing(route, names)
        others = (self._standing(each) for each in self._routes.values() if each.name != route.name)
        return blame_of_route(here, others)

    def _standing(self, route: Route, names: Collection[str] | None = None) -> Standing:
        latest, newest = (
            [probe for name, probe in of_route[route.name].items() if names is None or name in names]
            for of_route in (self._latest, self._newest)
        )
        return Standing(route.pool, route.name, route.mailbox, latest, newest)

    def _open_case(self, probe: Finished) -> Case:
        case = Case(probe, weigh(probe, ()))
        if not probe.succeeded and can_speak_against(probe):
            case.hear(self._witnesses.after(probe) or self._witnesses.before(probe))
            self._open.add(case)
        return case

    def _speak(self, witness: Finished) -> None:
        self._changed.update(case.probe.identity for case in self._open.hear(witness))
        self._witnesses.add(witness)

    def _weighed(self, member: MemberKey, routes: Iterable[str]) -> list[Weighed]:
        by_route = self._cases.get(member, {})
        weighed = [(case.probe, case.weight) for name in routes if name in by_route for case in by_route[name]]
        return sorted(weighed, key=self._in_order)

    def _in_order(self, weighed: Weighed) -> tuple[bool, datetime, str]:
        """Return by what probes are sorted: whoever came to know of them in whatever order thinks the same.

        What a clock that ran ahead left behind, until it was set back, comes first.
        """
        probe, _ = weighed
        ahead = self._last is not None and probe.finished > self._last + SLACK
        return not ahead, probe.finished, probe.probe_id

    def _by_route(self) -> dict[str, deque[Case]]:
        return defaultdict(lambda: deque(maxlen=self._kept))

    def _tidy(self, now: datetime) -> None:
        # Either way: the wall clock may be set back.
        if self._tidied and abs(now - self._tidied) < SLACK:
            return
        self._tidied = now
        self._witnesses.thin(now - self._lasts)
        self._open.forget(now - self._lasts)
        self._forget(now)

    def _forget(self, now: datetime) -> None:
        """Let go of what nobody asks for any more: of members that have long been gone."""
        for of_route in (*self._newest.values(), *self._latest.values()):
            for name in [name for name, probe in of_route.items() if self._is_old(probe, now)]:
                del of_route[name]
        for member, by_route in list(self._cases.items()):
            for route in [name for name, cases in by_route.items() if self._is_old(cases[-1].probe, now)]:
                del by_route[route]
            if not by_route:
                del self._cases[member]
                self._hosts.pop(member, None)

    def _is_old(self, probe: Finished, now: datetime) -> bool:
        return abs(now - probe.finished) > self._reaches_back


def _finished(record: Record, route: Route) -> Finished:
    probe, sending = record.probe, record.sending
    assert record.judgement is not None
    assert record.finished is not None
    return Finished(
        probe_id=probe.id,
        pool=probe.pool,
        member=probe.member,
        route=probe.route,
        outcome=record.judgement.outcome,
        expected=probe.expected,
        started=probe.started,
        finished=record.finished,
        interval=route.interval,
        reason=record.judgement.reason,
        stage=sending.stage if sending else None,
        code=sending.code if sending else None,
        enhanced_code=sending.enhanced_code if sending else None,
        only_asks=probe.only_asks,
        nameless=sending is not None and sending.ending is Ending.NAMELESS,
        taken=sending is not None and sending.ending is Ending.ACCEPTED,
    )


def _taken(probe: Probe, route: Route, at: datetime) -> Finished:
    return Finished(
        probe_id=probe.id,
        pool=probe.pool,
        member=probe.member,
        route=probe.route,
        outcome=Outcome.UNKNOWN,
        expected=probe.expected,
        started=probe.started,
        finished=at,
        interval=route.interval,
        reason="its message was taken",
        taken=True,
        under_way=True,
    )
