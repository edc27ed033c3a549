"""A scenario: what is broken on real servers, and what must be said of it, of every member."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.e2e.program import Program
from tests.lab import Laboratory

MEMBERS = ("mta1", "mta2", "mta3", "mta4")

MOST_DOWN = 2
"""As ``min_healthy`` has it by default."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a scenario can break."""

    lab: Laboratory
    program: Program


Break = Callable[[Scene], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One cell of the matrix: a cause that is really there, and the outcomes and the blame that it must lead to."""

    name: str
    breaks: Break
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """By member, with ``*`` for those not named: the outcomes of its probes that may be seen, the first must be."""
    down: frozenset[str] = frozenset()
    """Who must be called down while it lasts, as far as ``min_healthy`` lets them; nobody else may be."""
    shared_fault: bool = False
    """Whether it must be told that members fail alike."""
    patience_seconds: float = 0
    """What an ejection, or a return, may take longer, where each try of a member takes longer than an interval."""
    settable_clock: bool = False
    """The scenario sets the program's wall clock."""

    def __str__(self) -> str:
        return self.name

    def expected(self, member: str) -> list[str]:
        """Return the outcomes that a member's probes may have; the first one must be among them."""
        return self.outcomes.get(member, self.outcomes.get("*", "delivered")).split()

    @property
    def most_down(self) -> int:
        """Return how many must be called down at the same moment."""
        return min(len(self.down), MOST_DOWN)
