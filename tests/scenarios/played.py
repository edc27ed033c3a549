"""What was seen while a scenario was played, and what of it is not as the scenario has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.balancers.watching import Seen
from tests.scenarios.scenario import MEMBERS, Scenario
from tests.scenarios.times import BACK_WITHIN_SECONDS, OUT_WITHIN_SECONDS


@dataclass
class Played:
    """What was seen while a scenario was played."""

    outcomes: dict[str, set[str]] = field(default_factory=lambda: {member: set() for member in MEMBERS})
    """Of the probes that were started once the fault was there."""
    down: set[str] = field(default_factory=set)
    """Who was called down at any moment."""
    down_together: int = 0
    """How many at the most were called down at the same moment."""
    shared_fault: bool = False
    unbalanced: list[Any] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    balancer: Seen = field(default_factory=Seen)
    """What HAProxy did, from before the fault to after the repair."""
    broken: float = 0
    """When the fault was in place, by time.monotonic()."""
    repairing: float = 0
    """When taking it back began, where somebody had to come back."""
    repaired: float | None = None
    """When it was taken back altogether."""

    def ejections(self) -> Mapping[str, float]:
        """Return how many seconds after the fault HAProxy led no mail to whom any more."""
        return {name: max(at - self.broken, 0) for name, at in self.balancer.out_since(0).items()}

    def returns(self) -> Mapping[str, float]:
        """Return how many seconds after the repair HAProxy led mail again to those whom it had ejected."""
        if self.repaired is None:
            return {}
        back = self.balancer.back_since(self.repairing)
        return {name: max(back[name] - self.repaired, 0) for name in self.balancer.ejected if name in back}

    def wrong(self, scenario: Scenario) -> list[str]:
        """Return what is not as the scenario has it, one sentence each."""
        said = [sentence for member in MEMBERS if (sentence := self._wrong_outcomes(scenario, member))]
        if not self.down <= scenario.down or self.down_together != scenario.most_down:
            said.append(f"{sorted(self.down)} were called down, not {sorted(scenario.down)}: {self.reasons}")
        if scenario.shared_fault and not self.shared_fault:
            said.append("no shared fault was told")
        said += self._wrong_ejections(scenario)
        return [*said, *(f"the books do not balance: {path}" for path in self.unbalanced)]

    def _wrong_outcomes(self, scenario: Scenario, member: str) -> str | None:
        expected, seen = scenario.expected(member), self.outcomes[member]
        if expected[0] in seen and seen <= set(expected):
            return None
        return f"the probes of {member} ended as {sorted(seen)}, not as {' or '.join(expected)}"

    def late(self, scenario: Scenario) -> list[str]:
        """Return what came later than promised, one sentence each."""
        said = []
        for what, took, within in (
            ("ejected", self.ejections(), OUT_WITHIN_SECONDS),
            ("led mail again to", self.returns(), BACK_WITHIN_SECONDS),
        ):
            late = {name: seconds for name, seconds in took.items() if seconds > within + scenario.patience_seconds}
            said += [f"HAProxy {what} {name} after {seconds:.1f} s only" for name, seconds in late.items()]
        return said

    def _wrong_ejections(self, scenario: Scenario) -> list[str]:
        ejected = self.balancer.ejected
        if not ejected <= scenario.down or self.balancer.most_out != scenario.most_down:
            return [f"HAProxy ejected {sorted(ejected)}, not {sorted(scenario.down)}"]
        if missing := ejected - set(self.returns()):
            return [f"HAProxy never led mail again to {sorted(missing)}"]
        return []
