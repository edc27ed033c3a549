"""What is remembered of members that could not be connected to, and of recipients that they refused."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime

from probe.engine.happenings import Reporter, SetbacksChanged
from probe.model.outcome import Stage
from probe.model.probe import Record
from probe.model.reply import Attempt, Ending
from probe.model.setbacks import LIFETIME, Setback, Subject, last_tried, lessons, renewed, subjects
from probe.model.settings import MemberKey, Route

MOST_MEMBERS = 10_000
"""Members of whom anything is remembered; then the one is forgotten that failed longest ago."""
MOST_PER_MEMBER = 32
"""Setbacks per member; then the oldest is forgotten."""


class Setbacks:
    """Remember failures of members, learn from every attempt, and tell those who wait when one is forgotten."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._remembered: dict[MemberKey, dict[Subject, Setback]] = {}
        """Those that failed last at the end."""
        self._bells: dict[MemberKey, asyncio.Event] = {}

    def learn(self, member: MemberKey, route: Route, attempt: Attempt, *, at: datetime, chance: float) -> None:
        """Take what an attempt taught; ``chance`` is a random number, 0 to below 1."""
        for subject, worked in _taught(route, attempt.ending, attempt.stage):
            if worked:
                self._forget(member, subject)
            else:
                before = self._of(member).get(subject)
                self._put(member, renewed(before, subject, attempt.reason, retry=route.retry, at=at, chance=chance))

    def restore(self, records: Iterable[Record], routes: Mapping[str, Route], *, now: datetime) -> None:
        """Learn from the last attempts of the probes before a restart, in their order."""
        tried = [
            (min(at, now), record)
            for record in records
            if record.probe.route in routes and (at := last_tried(record, routes[record.probe.route].retry))
        ]
        for at, record in sorted(tried, key=lambda each: each[0]):
            self._restore(record, routes[record.probe.route], at)
        self.fade(now)

    def standing(self, member: MemberKey, route: Route) -> list[Setback]:
        """Return what stands in the way of a route's retries at a member."""
        remembered = self._of(member)
        return [remembered[subject] for subject in subjects(route) if subject in remembered]

    def forgetting(self, member: MemberKey) -> asyncio.Event:
        """Return an event that is set when anything of a member is forgotten."""
        return self._bells.setdefault(member, asyncio.Event())

    def fade(self, now: datetime) -> None:
        """Forget what is too old."""
        for member, remembered in list(self._remembered.items()):
            for setback in list(remembered.values()):
                if setback.last + LIFETIME < now:
                    self._forget(member, setback.subject)

    def clear(self) -> None:
        """Forget everything: the wall clock was set, and no moment means anything any more."""
        for member, remembered in list(self._remembered.items()):
            for subject in list(remembered):
                self._forget(member, subject)

    def _restore(self, record: Record, route: Route, at: datetime) -> None:
        assert record.sending is not None
        member = record.probe.pool, record.probe.member
        for subject, worked in _taught(route, record.sending.ending, record.sending.stage):
            if worked:
                self._forget(member, subject)
                continue
            setback = renewed(
                self._of(member).get(subject),
                subject,
                record.sending.reason,
                retry=route.retry,
                at=at,
                chance=0,
                failures=record.attempts,
                since=min(at, record.probe.started),
            )
            self._put(member, setback)

    def _of(self, member: MemberKey) -> Mapping[Subject, Setback]:
        return self._remembered.get(member, {})

    def _put(self, member: MemberKey, setback: Setback) -> None:
        remembered = self._remembered.pop(member, {})
        remembered.pop(setback.subject, None)
        remembered[setback.subject] = setback
        self._remembered[member] = remembered
        self._tell(member)
        if len(remembered) > MOST_PER_MEMBER:
            self._forget(member, next(iter(remembered)))
        if len(self._remembered) > MOST_MEMBERS:
            oldest = next(iter(self._remembered))
            for subject in list(self._remembered[oldest]):
                self._forget(oldest, subject)

    def _forget(self, member: MemberKey, subject: Subject) -> None:
        remembered = self._remembered.get(member, {})
        if remembered.pop(subject, None) is None:
            return
        if not remembered:
            del self._remembered[member]
        self._tell(member)
        if bell := self._bells.pop(member, None):
            bell.set()

    def _tell(self, member: MemberKey) -> None:
        self._report(SetbacksChanged(*member, tuple(self._of(member).values())))


def _taught(route: Route, ending: Ending, stage: Stage) -> list[tuple[Subject, bool]]:
    taught = lessons(ending, stage)
    return [(subject, taught[subject.kind]) for subject in subjects(route) if subject.kind in taught]
