"""A real server as one process group: started, stopped, killed, frozen and thawed."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psutil

from tests.lab.errors import LabError
from tests.lab.guard import Guard
from tests.lab.site import Endpoint

STARTS_WITHIN = timedelta(seconds=15)
STOPS_WITHIN = timedelta(seconds=5)


class Server:
    """A server in the foreground of its own process group, so that one signal reaches all of it."""

    def __init__(self, name: str, command: Sequence[object], *, greets: Endpoint, log: Path, guard: Guard) -> None:
        self.name = name
        self.log = log
        self._greets = greets
        self._command = [str(word) for word in command]
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        self.frozen = False

    @property
    def running(self) -> bool:
        """Tell whether the server was started and has not ended (a frozen one is running)."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the server without waiting for it; `await_greeting` must follow."""
        if self.running:
            return
        self.kill()  # what may be left of one that ended by itself
        self._process = self._spawn()
        self._guard.watch(self._process.pid)

    def await_greeting(self) -> None:
        """Return once the server speaks to a client; raise LabError with its last words if it does not."""
        give_up = time.monotonic() + STARTS_WITHIN.total_seconds()
        while self.running and time.monotonic() < give_up:
            if self.greets():
                return
            time.sleep(0.02)
        self.kill()
        raise LabError(f"{self.name} did not start; its last words:\n{self.last_words()}")

    def greets(self) -> bool:
        """Tell whether a client that connects is spoken to."""
        try:
            with socket.create_connection((self._greets.address, self._greets.port), timeout=1) as client:
                return client.recv(1) != b""
        except OSError:
            return False

    def start(self) -> None:
        """Run, thawed, on the port it always had, and return when it answers."""
        self.thaw()
        self.launch()
        self.await_greeting()

    def stop(self) -> None:
        """End the server in an orderly way; its ports refuse connections afterwards."""
        if self._process is None:
            return
        self.thaw()
        self.send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOPS_WITHIN.total_seconds())
        self.kill()

    def kill(self) -> None:
        """End every process of the server at once."""
        if self._process is None:
            return
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        _await_end(self._process.pid)
        self._guard.forget(self._process.pid)
        self._process = None
        self.frozen = False

    def freeze(self) -> None:
        """Stop every process with SIGSTOP: connections are still taken by the kernel, and nobody speaks."""
        if self.running:
            self._signal_group(signal.SIGSTOP)
            self.frozen = True

    def thaw(self) -> None:
        """Let a frozen server go on where it was."""
        if self.frozen:
            self._signal_group(signal.SIGCONT)
        self.frozen = False

    def processes(self, name: str) -> set[int]:
        """Return the ids of the server's processes that run the program `name`."""
        if self._process is None or not self.running:
            return set()
        children = psutil.Process(self._process.pid).children(recursive=True)
        return {child.pid for child in children if _name_of(child) == name}

    def send(self, number: signal.Signals) -> None:
        """Send `number` to the first process alone."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def last_words(self, lines: int = 15) -> str:
        """Return the end of the server's console and log."""
        texts = [path.read_text(errors="replace") for path in (self._console, self.log) if path.exists()]
        return "\n".join("\n".join(texts).splitlines()[-lines:])

    @property
    def _console(self) -> Path:
        return self.log.with_suffix(".console")

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._console.open("ab") as console:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            )

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return


def _await_end(group: int) -> None:
    # Not only the first process: any child may still hold a listening socket, or deliver a message.
    give_up = time.monotonic() + STOPS_WITHIN.total_seconds()
    while left := [pid for pid in psutil.pids() if _lives_in(group, pid)]:
        if time.monotonic() > give_up:
            raise LabError(f"processes {left} do not end although they were killed")
        time.sleep(0.005)


def _lives_in(group: int, pid: int) -> bool:
    try:
        return os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""
