"""The evidence on every member: its latest finished probes, each heard against those of the others.

What a probe weighs is defined by ``probe.model.blame.weigh`` over all others. Asking all others again for every probe
would cost the square of their number, so that here they are filed: a new probe is told what those before it say
(``witnesses``), and says it to those before it that can still change (``cases``), each found by its start
(``timeline``). A test holds the result to the definition.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from probe.engine.cases import Case, OpenCases
from probe.engine.witnesses import Witnesses
from probe.model.blame import Finished, can_speak_against, shared_fault, weigh
from probe.model.outcome import Outcome
from probe.model.probe import Record
from probe.model.reply import Ending
from probe.model.settings import Route
from probe.model.side import Standing, side
from probe.model.verdict import Weighed

KEPT = 32
"""Finished probes per member, beside those that the policy needs."""

_Cases = dict[tuple[str, str], deque[Case]]

SLACK = timedelta(minutes=1)
"""How long after its deadline a probe may finish and still be heard; and how often the old ones are let go."""


class Evidence:
    """Collect finished probes: each hears those of others that finished before, and is heard in cases still open.

    What one costs does not grow with the number of members, whether they fail or not.
    """

    def __init__(self, routes: Mapping[str, Route], *, needed: int) -> None:
        kept = KEPT + needed
        self._routes = routes
        self._sent: _Cases = defaultdict(lambda: deque(maxlen=kept))
        self._asked: _Cases = defaultdict(lambda: deque(maxlen=kept))
        """Apart: who is asked often must not make those forgotten that were sent."""
        self._witnesses = Witnesses()
        self._open = OpenCases()
        self._latest: dict[tuple[str, str], dict[str, Finished]] = defaultdict(dict)
        self._changed: set[tuple[str, str]] = set()
        self._lasts = max((route.deadline for route in routes.values()), default=timedelta(0)) + SLACK
        self._tidied: datetime | None = None

    def add(self, record: Record) -> None:
        """Take in a probe that has its outcome; one of a route that is no longer configured tells nothing."""
        route = self._routes.get(record.probe.route)
        if route is None or record.judgement is None or record.finished is None:
            return
        finished = _finished(record, route)
        self._tidy(finished.finished)
        cases = self._asked if finished.only_asks else self._sent
        cases[finished.identity].append(self._open_case(finished))
        self._changed.add(finished.identity)
        if finished.outcome is not Outcome.UNKNOWN:
            self._changed.update(case.probe.identity for case in self._open.hear(finished))
            self._witnesses.add(finished)
            self._latest[finished.pool, finished.route][finished.member] = finished

    def changed(self) -> set[tuple[str, str]]:
        """Return the members of whom something else is known than when this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    def on(self, pool: str, member: str) -> list[Weighed]:
        """Return what is known of a member, oldest first, each probe with its weight as of now."""
        sent, asked = self.of_sending(pool, member), _weighed(self._asked.get((pool, member), ()))
        return sorted([*sent, *asked], key=lambda weighed: weighed[0].finished) if asked else sent

    def of_sending(self, pool: str, member: str) -> list[Weighed]:
        """Return those of them for which a message was sent."""
        return _weighed(self._sent.get((pool, member), ()))

    def shared_fault(self, pool: str, route: str, members: Iterable[str]) -> bool:
        """Tell whether these members of a pool fail alike on a route."""
        latest = self._latest[pool, route]
        return shared_fault([latest[name] for name in members if name in latest])

    def side(self, route: Route, members: Iterable[str]) -> str | None:
        """Say on which side of these members they fail alike on a route, if their other routes show it."""
        names = set(members)
        beside = [each for each in self._routes.values() if each.pool == route.pool and each.name != route.name]
        others = [standing for each in beside if (standing := self._standing(each, names))]
        failing = self._standing(route, names)
        return side(failing, others) if failing else None

    def _standing(self, route: Route, names: set[str]) -> Standing | None:
        if route.mailbox is None:
            return None  # Its members are asked only: no mail of it arrives anywhere.
        latest = self._latest[route.pool, route.name]
        return Standing(route.name, route.mailbox, [probe for name, probe in latest.items() if name in names])

    def _open_case(self, probe: Finished) -> Case:
        if probe.succeeded or not can_speak_against(probe):
            return Case(probe, weigh(probe, ()))
        later = self._witnesses.after(probe)
        case = Case(probe, weigh(probe, later or self._witnesses.before(probe)))
        self._open.add(case, heard=bool(later))
        return case

    def _tidy(self, now: datetime) -> None:
        # Either way: the wall clock may be set back.
        if self._tidied and abs(now - self._tidied) < SLACK:
            return
        self._tidied = now
        self._witnesses.thin(now - self._lasts)
        self._open.forget(now - self._lasts)


def _weighed(cases: Iterable[Case]) -> list[Weighed]:
    return [(case.probe, case.weight) for case in cases]


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
    )
