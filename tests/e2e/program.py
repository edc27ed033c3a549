"""The program under test as a process of its own, judged by what anybody outside can ask of it."""

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.e2e.metrics import Metrics
from tests.e2e.patience import eventually
from tests.e2e.settable_clock import set_clock
from tests.lab.config import merged

READY_WITHIN_SECONDS = 15
STOPS_WITHIN_SECONDS = 30
_LOADED = "config loaded"


class Program:
    """One `mailflow run`, on one config and one state; started, stopped, killed and started again."""

    def __init__(
        self,
        config: Mapping[str, Any],
        home: Path,
        *,
        settable_clock: bool = False,
        trusts: ssl.SSLContext | None = None,
    ) -> None:
        """``trusts`` is how to speak TLS to it, where its web config says so."""
        self._clock = home / "clock" if settable_clock else None
        self.config_file = home / "config.yaml"
        self._log = home / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.listen: str = config["web"]["listen"]
        self._url = f"{'https' if trusts else 'http'}://{self.listen}"
        self._trusts = trusts
        self._client = self.client()
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the config that the next start reads."""
        self.config_file.write_text(yaml.safe_dump(config))

    def start(self) -> Self:
        """Run, and return once it says that it is ready."""
        self.launch()
        eventually(self._is_ready, within_seconds=READY_WITHIN_SECONDS, what=f"readiness; log:\n{self.log()}")
        return self

    def launch(self) -> None:
        """Run, without waiting for anything."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(_command("run", self.config_file, self._clock), stdout=log, stderr=log)

    def reload(self, **overrides: Any) -> None:
        """Lay something over its config, and let it load that while it runs."""
        loaded = self.log().count(_LOADED)
        self.configure(merged(yaml.safe_load(self.config_file.read_text()), overrides))
        self.send(signal.SIGHUP)
        eventually(lambda: self.log().count(_LOADED) > loaded, within_seconds=READY_WITHIN_SECONDS, what="a reload")

    def set_clock(self, by: timedelta) -> None:
        """Set its wall clock so far from the true time, where it was made for that."""
        assert self._clock is not None
        set_clock(self._clock, by)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.send(signal.SIGTERM)
        return self.await_end()

    def await_end(self) -> int:
        """Return its exit code, once it has ended."""
        assert self._process is not None
        return self._process.wait(STOPS_WITHIN_SECONDS)

    @property
    def running(self) -> bool:
        """Tell whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it where it stands, with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Let it stand still, with SIGSTOP."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self.send(signal.SIGCONT)

    def log(self) -> str:
        """Return all that it has said so far, before restarts too."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def client(self) -> httpx.Client:
        """Return a client of its own, to be closed; best by `with`."""
        return httpx.Client(base_url=self._url, timeout=5, trust_env=False, verify=self._trusts or False)

    def get(self, path: str, **parameters: str) -> httpx.Response:
        """Ask it for a page."""
        return self._client.get(path, params=parameters)

    def metrics(self) -> Metrics:
        """Scrape it."""
        return Metrics(self.get("/metrics").text)

    def health(self, member: str, pool: str = "vip") -> int:
        """Return the status by which a load balancer decides about a member."""
        return self.get(f"/health/{pool}/{member}").status_code

    def probes(self, **wanted: str) -> list[dict[str, Any]]:
        """Return all probes that fit, newest first, over as many pages as it takes."""
        return list(self._pages(wanted))

    def life(self, probe_id: str) -> dict[str, Any]:
        """Return all that is known of one probe."""
        life: dict[str, Any] = self.get(f"/api/v1/probes/{probe_id}").json()
        return life

    def _pages(self, wanted: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            page = self.get("/api/v1/probes", **wanted, limit="1000", next=cursor).json()
            yield from page["probes"]
            cursor = page["next"]

    def _end(self) -> None:
        self.kill()
        self._client.close()

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended by itself; log:\n{self.log()}"
        try:
            return self.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._end()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()


def mailflow(
    command: str, config_file: Path, *arguments: str, pasted: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run another command of the program to its end, with something on its standard input."""
    return subprocess.run(
        [*_command(command, config_file), *arguments],
        input=pasted,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"COLUMNS": "200"},
    )


def printed_json(done: subprocess.CompletedProcess[str]) -> Any:
    """Read what a command with `--json` printed."""
    return json.loads(done.stdout)


def _command(command: str, config_file: Path, clock: Path | None = None) -> list[str]:
    program = ["tests.e2e.settable_clock", str(clock)] if clock else ["probe"]
    return [sys.executable, "-m", *program, command, "-c", str(config_file)]
