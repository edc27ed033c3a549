"""One collector that tells a whole snapshot: no series outlives what it speaks of, and no two disagree."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, GCCollector, Metric, PlatformCollector, ProcessCollector
from prometheus_client.registry import Collector

from probe.engine.snapshot import Snapshot
from probe.metrics.mailboxes import mailbox_metrics
from probe.metrics.members import member_metrics, pool_metrics, setback_metrics
from probe.metrics.notifications import Notifications, notification_metrics
from probe.metrics.paths import path_metrics
from probe.metrics.program import ReloadState, program_metrics
from probe.metrics.routes import route_metrics
from probe.metrics.tokens import TokenExpiries, token_metrics


@dataclass(frozen=True, slots=True, eq=False)  # a registry keeps its collectors by identity
class SnapshotCollector(Collector):
    """Tell one snapshot of the board; what is no longer probed is left out."""

    snapshot: Snapshot
    reload: ReloadState
    tokens: TokenExpiries
    notifications: Notifications
    logins_refused: int

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics one by one."""
        snapshot = self.snapshot
        routes = {(route.pool, route.name) for route in snapshot.routes}
        yield from path_metrics(
            {
                (pool, member, route): figures
                for (pool, member, route), figures in snapshot.paths.items()
                if (pool, member) in snapshot.members and (pool, route) in routes
            }
        )
        yield from member_metrics(snapshot.members, snapshot.state_changes)
        yield from setback_metrics(snapshot.members, snapshot.setbacks)
        yield from pool_metrics(snapshot.guarded)
        yield from route_metrics(snapshot.routes, snapshot.shared_faults)
        yield from mailbox_metrics(snapshot.mailboxes)
        yield from token_metrics(self.tokens)
        yield from notification_metrics(self.notifications)
        yield from program_metrics(self.reload, ledger_works=snapshot.ledger_works, logins_refused=self.logins_refused)


def registry(
    snapshot: Snapshot,
    reload: ReloadState,
    tokens: TokenExpiries = TokenExpiries(),  # noqa: B008  # frozen
    notifications: Notifications = Notifications(),  # noqa: B008  # frozen
    logins_refused: int = 0,
) -> CollectorRegistry:
    """Return a registry of a snapshot, and of what Python tells of its process."""
    made = CollectorRegistry(auto_describe=False)
    made.register(SnapshotCollector(snapshot, reload, tokens, notifications, logins_refused))
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made
