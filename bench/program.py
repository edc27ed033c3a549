"""The program under measurement: the real daemon as a process of its own, seen from outside."""

import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

STARTS_WITHIN = timedelta(seconds=20)
ENDS_WITHIN = timedelta(seconds=20)

Probe = dict[str, Any]
"""A probe as /api/v1/probes shows it."""


class Program:
    """Run `mailflow run` while the context lasts; its log is written beside its config."""

    def __init__(self, config: Path, *, listen: str) -> None:
        self.log = config.with_suffix(".log")
        self._command = [sys.executable, "-m", "probe", "run", "-c", str(config)]
        self._http = httpx.Client(base_url=f"http://{listen}", timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = psutil.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def cpu_seconds(self) -> float:
        """The processor time that all threads of the program have used so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    @property
    def resident_bytes(self) -> int:
        """The memory that the program holds now."""
        return int(self._process.memory_info().rss)

    def scrape(self) -> str:
        """Return what a Prometheus gets, compressed on the way as it asks for it."""
        return self._http.get("/metrics", headers={"Accept-Encoding": "gzip"}).raise_for_status().text

    def samples(self) -> list[Sample]:
        """Return every line of /metrics."""
        return [sample for family in text_string_to_metric_families(self.scrape()) for sample in family.samples]

    def probes(self, since: datetime | None = None) -> list[Probe]:
        """Return the probes started at that moment or later, newest first; by default all of them."""
        found: list[Probe] = []
        cursor: str | None = ""
        while cursor is not None and not (found and since and started(found[-1]) < since):
            page = self._http.get("/api/v1/probes", params={"limit": 1000, "next": cursor}).raise_for_status().json()
            found += page["probes"]
            cursor = page["next"]
        return [probe for probe in found if since is None or started(probe) >= since]

    def _await_ready(self) -> None:
        give_up = time.monotonic() + STARTS_WITHIN.total_seconds()
        while self._process.poll() is None and time.monotonic() < give_up:
            try:
                if self._http.get("/-/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"the program did not start:\n{self.log.read_text()[-2000:]}")

    def _end(self) -> None:
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN.total_seconds())
        except psutil.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def started(probe: Probe) -> datetime:
    """Return when a probe was written into the ledger."""
    return datetime.fromisoformat(probe["started"])
