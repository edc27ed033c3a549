"""A real Prometheus and a real Alertmanager on loopback, each on a port that was free, gone with the block."""

import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.patience import eventually

STARTS_WITHIN_SECONDS = 30
NOBODY_IS_NOTIFIED: Mapping[str, Any] = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}


class Prometheus:
    """A Prometheus that answers."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def query(self, expression: str) -> dict[tuple[str, ...], float]:
        """Return what an expression is now: each value by those of its labels that are not its name, sorted."""
        answer = self.client.get("/api/v1/query", params={"query": expression}).raise_for_status().json()
        return {
            tuple(f"{name}={value}" for name, value in sorted(series["metric"].items()) if name != "__name__"): float(
                series["value"][1]
            )
            for series in answer["data"]["result"]
        }

    def evaluated(self) -> bool:
        """Tell whether each of its rules was evaluated once."""
        rules = self._rules()
        return bool(rules) and all(rule["health"] != "unknown" for rule in rules)

    def rule_errors(self) -> list[str]:
        """Return what went wrong with rules when they were last evaluated."""
        return [f"{rule['name']}: {rule['lastError']}" for rule in self._rules() if rule.get("lastError")]

    def _rules(self) -> list[dict[str, Any]]:
        answer = self.client.get("/api/v1/rules").raise_for_status().json()
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


class Alertmanager:
    """An Alertmanager that answers."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.url = str(client.base_url).rstrip("/")

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts that it holds as firing."""
        found: list[dict[str, Any]] = self._client.get("/api/v2/alerts").raise_for_status().json()
        return found


@contextmanager
def prometheus(home: Path, config: Mapping[str, Any]) -> Iterator[Prometheus]:
    """Run Prometheus on a config."""
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/tsdb"]
    with _running("prometheus", arguments, home) as client:
        yield Prometheus(client)


@contextmanager
def alertmanager(
    home: Path, *, port: int = 0, config: Mapping[str, Any] = NOBODY_IS_NOTIFIED
) -> Iterator[Alertmanager]:
    """Run an Alertmanager, on a port of its own where none is given."""
    (home / "alertmanager.yml").write_text(yaml.safe_dump(config))
    arguments = [
        f"--config.file={home}/alertmanager.yml",
        f"--storage.path={home}/alertmanager",
        "--cluster.listen-address=",
    ]
    with _running("prometheus-alertmanager", arguments, home, port=port) as client:
        yield Alertmanager(client)


@contextmanager
def _running(program: str, arguments: Sequence[str], home: Path, *, port: int = 0) -> Iterator[httpx.Client]:
    address = f"127.0.0.1:{port or free_port()}"
    log = home / f"{program}.log"
    with log.open("ab") as written:
        command = [program, *arguments, f"--web.listen-address={address}"]
        process = subprocess.Popen(command, stdout=written, stderr=written, cwd=home)
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=5, trust_env=False) as client:
            eventually(lambda: _is_ready(process, client, log), within_seconds=STARTS_WITHIN_SECONDS, what=f"{program}")
            yield client
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
        return port


def _is_ready(process: subprocess.Popen[bytes], client: httpx.Client, log: Path) -> bool:
    assert process.poll() is None, f"it ended by itself; log:\n{log.read_text(errors='replace')}"
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False
