"""The open cases: failed probes whose weight those of others can still change, filed by what could change it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from probe.engine.timeline import Timeline
from probe.engine.witnesses import ANYWHERE
from probe.model.blame import Finished, Weight, can_tell, fares_better, weigh
from probe.model.outcome import Outcome


@dataclass(slots=True, eq=False)
class Case:
    """A finished probe, and what it says about its member by what was heard so far."""

    probe: Finished
    weight: Weight


class _File:
    """Cases by their route, or anywhere, and by what they have in common: outcome and interval."""

    def __init__(self) -> None:
        self._kinds: dict[str | None, dict[tuple[Outcome, timedelta], Timeline[Case]]]
        self._kinds = defaultdict(lambda: defaultdict(Timeline))

    def add(self, case: Case) -> None:
        probe = case.probe
        place = ANYWHERE if probe.outcome is Outcome.UNREACHABLE else probe.route
        self._kinds[place][probe.outcome, probe.interval].add(probe.started, case)

    def open_to(self, witness: Finished) -> Iterator[tuple[Outcome, timedelta, Timeline[Case]]]:
        for place in (witness.route, ANYWHERE):
            for (outcome, interval), cases in self._kinds[place].items():
                yield outcome, interval, cases

    def forget(self, before: datetime) -> None:
        for kinds in self._kinds.values():
            for (_, interval), cases in kinds.items():
                cases.cut(before - interval)


class OpenCases:
    """Let each new probe speak in the cases that it can still change, and in no others.

    A case nobody spoke in whose turn came later is open to everyone within its interval: of those there are few, for
    the next one that finishes closes it. Then it is open only to one that fares better, and to none after that.
    """

    def __init__(self) -> None:
        self._unheard = _File()
        """Cases that nobody after them has spoken in."""
        self._excused = _File()
        """Cases in which those after them fared no better."""

    def add(self, case: Case, *, heard: bool) -> None:
        """Open a case; ``heard`` tells whether somebody after it has already spoken."""
        if not heard:
            self._unheard.add(case)
        elif case.weight is Weight.NEITHER:
            self._excused.add(case)

    def hear(self, witness: Finished) -> list[Case]:
        """Let a new probe speak; return the cases whose weight it changed."""
        return [*self._convict(witness), *self._speak_first(witness)]

    def forget(self, before: datetime) -> None:
        """Let go of the cases in which nobody can speak any more who started before a moment."""
        self._unheard.forget(before)
        self._excused.forget(before)

    def _convict(self, witness: Finished) -> Iterator[Case]:
        for outcome, interval, cases in self._excused.open_to(witness):
            if fares_better(witness, outcome):
                earliest = witness.started - interval
                for case in cases.take(earliest, witness.started, lambda case: can_tell(witness, case.probe)):
                    case.weight = Weight.AGAINST
                    yield case

    def _speak_first(self, witness: Finished) -> Iterator[Case]:
        started = witness.started
        for _, interval, cases in self._unheard.open_to(witness):
            near = cases.take(started - interval, started + interval, lambda case: can_tell(witness, case.probe))
            for case in near:
                before, heard = case.weight, started >= case.probe.started
                said = weigh(case.probe, [witness])
                if heard or said is Weight.AGAINST:
                    case.weight = said
                self.add(case, heard=heard)
                if case.weight is not before:
                    yield case
