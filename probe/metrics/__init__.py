"""Says in Prometheus' words what the board knows."""

from probe.metrics.exposition import Exposition
from probe.metrics.program import ReloadState
from probe.metrics.tokens import TokenExpiries

__all__ = ["Exposition", "ReloadState", "TokenExpiries"]
