"""The metrics of the program itself: which version runs, on which config, and whether its ledger works."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from probe import __version__


@dataclass(frozen=True, slots=True)
class ReloadState:
    """How the last loading of the config went, and when one last went well; the first at the start counts."""

    successful: bool
    last_success: datetime


def program_metrics(reload: ReloadState, *, ledger_works: bool, logins_refused: int) -> Iterator[Metric]:
    """Tell the version, the state of the config, whether the ledger works, and who may not get in."""
    build = GaugeMetricFamily(
        "mailflow_build_info", "Always 1; names the version that runs.", labels=("version", "python_version")
    )
    build.add_metric((__version__, platform.python_version()), 1)
    yield build
    yield GaugeMetricFamily(
        "mailflow_config_last_reload_successful",
        "1 if the config was good when it was last loaded; 0 if it was refused and the old one goes on.",
        value=float(reload.successful),
    )
    yield GaugeMetricFamily(
        "mailflow_config_last_reload_success_timestamp_seconds",
        "When a good config was last loaded.",
        value=reload.last_success.timestamp(),
    )
    yield GaugeMetricFamily(
        "mailflow_ledger_up",
        "1 if the ledger could be read and written when it was last needed; while it is 0 nothing is sent.",
        value=float(ledger_works),
    )
    yield CounterMetricFamily(
        "mailflow_web_login_failures",
        "Logins at the web pages that were refused.",
        value=logins_refused,
    )
