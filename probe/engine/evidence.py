"""The evidence on every member: its latest finished probes, each heard against those of the others."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from probe.model.blame import Case, Finished, shared_fault
from probe.model.outcome import Outcome
from probe.model.probe import Record
from probe.model.settings import Route
from probe.model.verdict import Weighed

KEPT = 32
"""Finished probes per member, beside those that the policy needs."""


class Evidence:
    """Collect finished probes as cases; each new one is heard in all that are still open, and hears those before."""

    def __init__(self, routes: Mapping[str, Route], *, needed: int) -> None:
        kept = KEPT + needed
        self._routes = routes
        self._cases: dict[tuple[str, str], deque[Case]] = defaultdict(lambda: deque(maxlen=kept))
        self._recent: deque[Finished] = deque()
        self._open: deque[Case] = deque()
        self._latest: dict[tuple[str, str], dict[str, Finished]] = defaultdict(dict)
        self._changed: set[tuple[str, str]] = set()
        longest = max((route.deadline + 2 * route.interval for route in routes.values()), default=timedelta(0))
        self._horizon = longest + timedelta(minutes=1)

    def add(self, record: Record) -> None:
        """Take in a probe that has its outcome; one of a route that is no longer configured tells nothing."""
        route = self._routes.get(record.probe.route)
        if route is None or record.judgement is None or record.finished is None:
            return
        finished = _finished(record, route)
        self._forget(finished.finished)
        case = Case(finished)
        for other in self._open:
            before = other.weight
            other.hear(finished)
            if other.weight is not before:
                self._changed.add((other.probe.pool, other.probe.member))
        if not finished.succeeded:
            for earlier in self._recent:
                case.hear(earlier)
            self._open.append(case)
        self._recent.append(finished)
        self._cases[finished.pool, finished.member].append(case)
        self._changed.add((finished.pool, finished.member))
        if finished.outcome is not Outcome.UNKNOWN:
            self._latest[finished.pool, finished.route][finished.member] = finished

    def changed(self) -> set[tuple[str, str]]:
        """Return the members of whom something else is known than when this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    def on(self, pool: str, member: str) -> list[Weighed]:
        """Return what is known of a member, oldest first, each probe with its weight as of now."""
        return [(case.probe, case.weight) for case in self._cases[pool, member]]

    def shared_fault(self, pool: str, route: str, members: Iterable[str]) -> bool:
        """Tell whether these members of a pool fail alike on a route."""
        latest = self._latest[pool, route]
        return shared_fault([latest[name] for name in members if name in latest])

    def _forget(self, now: datetime) -> None:
        while self._recent and now - self._recent[0].finished > self._horizon:
            self._recent.popleft()
        while self._open and now - self._open[0].probe.finished > self._horizon:
            self._open.popleft()


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
        enhanced_code=sending.enhanced_code if sending else None,
    )
