"""Says in Prometheus' words what the board knows."""

from probe.metrics.exposition import Exposition
from probe.metrics.notifications import Notifications
from probe.metrics.program import ReloadState
from probe.metrics.spot_checks import spot_check_text
from probe.metrics.tokens import TokenExpiries

__all__ = ["Exposition", "Notifications", "ReloadState", "TokenExpiries", "spot_check_text"]
