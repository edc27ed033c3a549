"""The open cases: failed probes whose weight those of others can still change, filed by what could change it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from probe.engine.timeline import Timeline
from probe.model.blame import Finished, Shown, Weight, can_tell, shows
from probe.model.outcome import Outcome

Which = Callable[[Shown], bool]


@dataclass(slots=True, eq=False)
class Case:
    """A finished probe, and what it says about its member by what was heard so far."""

    probe: Finished
    weight: Weight
    before: Shown = Shown.NOTHING
    """What those showed whose turn came before."""
    after: Shown = Shown.NOTHING

    def hear(self, witnesses: Iterable[Finished]) -> bool:
        """Take in what others show; tell whether that changes the weight of the probe."""
        for witness in witnesses:
            shown = shows(witness, self.probe.outcome)
            if witness.started >= self.probe.started:
                self.after |= shown
            else:
                self.before |= shown
        weight_before = self.weight
        self.weight = Weight.AGAINST if (self.after or self.before).convicts else Weight.NEITHER
        return self.weight is not weight_before


class _File:
    """Cases by their route, and by what they have in common: outcome and interval."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[tuple[Outcome, timedelta], Timeline[Case]]]
        self._kinds = defaultdict(lambda: defaultdict(Timeline))

    def add(self, case: Case) -> None:
        probe = case.probe
        self._kinds[probe.route][probe.outcome, probe.interval].add(probe.started, case)

    def take(self, witness: Finished, *, earlier: bool = False, which: Which = bool) -> Iterator[Case]:
        """Remove and yield those in which a witness can speak, if what it shows there is wanted.

        Their turn came within one of their intervals before its own; with ``earlier`` also after it.
        """
        for (outcome, interval), cases in self._kinds[witness.route].items():
            if which(shows(witness, outcome)):
                last = witness.started + interval if earlier else witness.started
                yield from cases.take(witness.started - interval, last, lambda case: can_tell(witness, case.probe))

    def forget(self, before: datetime) -> None:
        for kinds in self._kinds.values():
            for (_, interval), cases in kinds.items():
                cases.cut(before - interval)


class OpenCases:
    """Let each new probe speak in the cases that it can still change, and in no others.

    A case nobody spoke in whose turn came later is open to everyone within its interval: of those there are few, for
    the next one that finishes closes it to most. What convicts a member that is alone with its failure is changed by
    one that is no better off; what excuses it only by one for whom all works, and that by nobody.
    """

    def __init__(self) -> None:
        self._unheard = _File()
        """Cases that nobody after them has spoken in."""
        self._alone = _File()
        """Cases in which all those after them came further, and failed as well."""
        self._excused = _File()
        """Cases in which some of those after them came no further."""

    def add(self, case: Case) -> None:
        """Open a case, if anybody can change it."""
        if not case.after:
            self._unheard.add(case)
        elif case.after == Shown.BETTER:
            self._alone.add(case)
        elif Shown.WORKS not in case.after:
            self._excused.add(case)

    def hear(self, witness: Finished) -> list[Case]:
        """Let a new probe speak; return the cases whose weight it changed."""
        taken = [
            *self._excused.take(witness, which=lambda shown: shown is Shown.WORKS),
            *self._alone.take(witness, which=lambda shown: shown is not Shown.BETTER),
            *self._unheard.take(witness, earlier=True),
        ]
        changed = [case for case in taken if case.hear((witness,))]
        for case in taken:
            self.add(case)
        return changed

    def forget(self, before: datetime) -> None:
        """Let go of the cases in which nobody can speak any more who started before a moment."""
        for cases in (self._unheard, self._alone, self._excused):
            cases.forget(before)
