"""Says in Prometheus' words what the board knows."""

from probe.metrics.exposition import Exposition
from probe.metrics.program import ReloadState

__all__ = ["Exposition", "ReloadState"]
