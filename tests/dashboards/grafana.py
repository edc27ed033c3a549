"""Asking Prometheus as Grafana does."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.dashboards.shipped import SHIPPED
from tests.e2e.monitoring import prometheus

STEP_SECONDS = 5
SHOWN_SECONDS = 120
"""How much of the time is asked for, as if somebody had chosen that."""

Series = list[dict[str, Any]]


class Grafana:
    """What Grafana asks a data source."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def range(self, query: str) -> Series:
        """Return the series of the time that is shown."""
        now = time.time()
        shown = {"start": str(now - SHOWN_SECONDS), "end": str(now), "step": str(STEP_SECONDS)}
        found: Series = self._ask("query_range", query=query, **shown)["result"]
        return found

    def instant(self, query: str) -> Series:
        """Return the series of now."""
        found: Series = self._ask("query", query=query)["result"]
        return found

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return which values a label has among some series."""
        found: list[str] = self._ask(f"label/{label}/values", **{"match[]": selector})
        return found

    def _ask(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", f"{parameters}: {answer['error']}"
        return answer["data"]


@contextmanager
def grafana(home: Path, targets: Mapping[str, str]) -> Iterator[Grafana]:
    """Run a Prometheus that scrapes targets, by job, every second, and has the shipped rules."""
    (home / "alerts.yaml").write_text(yaml.safe_dump(_impatient_alerts()))
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(SHIPPED / "rules.yaml"), str(home / "alerts.yaml")],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
    }
    with prometheus(home, config) as running:
        yield Grafana(running.client)


def _impatient_alerts() -> dict[str, Any]:
    """Return the alerts as if they had waited long enough already."""
    shipped: dict[str, Any] = yaml.safe_load((SHIPPED / "alerts.yaml").read_text())
    for group in shipped["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    return shipped
