"""When a member is called up or down."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from probe.model.settings.maintenance import Maintenance


class UnknownIs(StrEnum):
    """What a load balancer hears about a member when nobody can tell."""

    UP = "up"
    DOWN = "down"
    HOLD = "hold"


class OnShutdown(StrEnum):
    """What becomes of the members that are called down when the probe is stopped."""

    RELEASE = "release"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Share:
    """A number of members, or a share of them."""

    count: int | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.ratio is None):
            raise ValueError("a share is either a count or a ratio")

    def of(self, members: int) -> int:
        """Return how many of so many members this is, rounded up, never more than there are."""
        if self.count is not None:
            return min(self.count, members)
        assert self.ratio is not None
        # Percentages are decimal: 0.07 * 100 must not become 8 by a binary rounding error.
        return min(-int(-round(self.ratio * members, 9) // 1), members)

    def expendable(self, members: int) -> int:
        """Return how many of so many members may go, so that this is left, and one at least."""
        return members - max(1, self.of(members))


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When a member is called up or down, and what is said when nobody can tell."""

    rise: int = 2
    fall: int = 3
    min_healthy: Share = Share(ratio=0.5)
    stale_after: timedelta | None = None
    """None: three intervals and the deadline of the member's slowest route."""
    unknown_is: UnknownIs = UnknownIs.UP
    on_shutdown: OnShutdown = OnShutdown.RELEASE
    release_for: timedelta = timedelta(seconds=10)
    """How long load balancers that ask by the agent-check are told of a release, before the probe goes."""
    maintenance: tuple[Maintenance, ...] = ()
