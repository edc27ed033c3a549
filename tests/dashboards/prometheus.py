"""A real Prometheus that scrapes every second, asked as Grafana asks it."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.dashboards.shipped import SHIPPED
from tests.e2e.patience import eventually

STARTS_WITHIN_SECONDS = 20
SCRAPE_SECONDS = 1
STEP_SECONDS = 5
SHOWN_SECONDS = 120
"""How much of the time is asked for, as if somebody had chosen that."""


class Prometheus:
    """Scrapes some targets, by job, and evaluates the shipped alerts as if they had waited long enough already."""

    def __init__(self, targets: Mapping[str, str], *, listen: str, home: Path) -> None:
        self._home = home
        self._listen = listen
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://{listen}/api/v1", timeout=10, trust_env=False)
        every = f"{SCRAPE_SECONDS}s"
        config = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(SHIPPED / "rules.yaml"), str(home / "alerts.yaml")],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
            ],
        }
        (home / "prometheus.yaml").write_text(yaml.safe_dump(config))
        (home / "alerts.yaml").write_text(yaml.safe_dump(_impatient_alerts()))

    def range(self, query: str) -> list[dict[str, Any]]:
        """Return the series of the time that is shown."""
        now = time.time()
        shown = {"start": str(now - SHOWN_SECONDS), "end": str(now), "step": str(STEP_SECONDS)}
        return self._ask("query_range", query=query, **shown)

    def instant(self, query: str) -> list[dict[str, Any]]:
        """Return the series of now."""
        return self._ask("query", query=query)

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return which values a label has among some series."""
        return self._ask(f"label/{label}/values", **{"match[]": selector})

    def _ask(self, path: str, **parameters: str) -> list[Any]:
        answer = self._client.get(path, params=parameters).json()
        assert answer["status"] == "success", f"{parameters}: {answer['error']}"
        data = answer["data"]
        found: list[Any] = data["result"] if isinstance(data, dict) else data
        return found

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._home / "prometheus.log").read_text()
        try:
            return self._client.get(f"http://{self._listen}/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        command: Sequence[str | Path] = [
            "prometheus",
            f"--config.file={self._home / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._home / 'prometheus'}",
            f"--web.listen-address={self._listen}",
            "--log.level=warn",
        ]
        with (self._home / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually(self._is_ready, within_seconds=STARTS_WITHIN_SECONDS, what="Prometheus")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._client.close()


def _impatient_alerts() -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load((SHIPPED / "alerts.yaml").read_text())
    for group in shipped["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    return shipped
