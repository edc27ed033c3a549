"""A real HAProxy on a config of the test's, watched and told over its stats socket."""

import csv
import io
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

STARTS_WITHIN_SECONDS = 10
_GLOBAL = """\
global
  stats socket {path} level admin
  stats socket ipv4@{tcp} level user
"""
_DEFAULTS = """\
defaults
  mode tcp
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  timeout check 1s
"""


@dataclass(frozen=True, slots=True)
class Served:
    """What HAProxy says of a server."""

    status: str
    """``UP``, ``DOWN``, ``DOWN (agent)``, ``no check`` and so on."""
    agent_says: str
    """What its agent said last, as HAProxy understood it."""

    @property
    def gets_mail(self) -> bool:
        """Tell whether connections are led to it."""
        return self.status.startswith(("UP", "no check"))


class HAProxy:
    """One HAProxy; its config has `defaults` of its own or gets short ones, and always stats sockets."""

    def __init__(self, config: str, home: Path) -> None:
        self.tcp_socket = f"127.0.0.1:{free_port('127.0.0.1')}"
        """Where it is asked at level user, by TCP."""
        self.socket = home / "haproxy.sock"
        """Where it is told anything."""
        self._config = home / "haproxy.cfg"
        self._log = home / "haproxy.log"
        defaults = "" if "defaults\n" in config else _DEFAULTS
        self._config.write_text(_GLOBAL.format(path=self.socket, tcp=self.tcp_socket) + defaults + config)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Run, and return once it can be asked."""
        with self._log.open("ab") as log:
            command = ["/usr/sbin/haproxy", "-db", "-f", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        give_up = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < give_up and self._process.poll() is None:
            with closing(socket.socket(socket.AF_UNIX)) as client:
                if not client.connect_ex(str(self.socket)):
                    return self
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"haproxy did not start:\n{self._log.read_text()}")

    def stop(self) -> None:
        """End it where it stands."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tell(self, command: str) -> str:
        """Give it a command, and return what it says."""
        with closing(socket.socket(socket.AF_UNIX)) as client, client.makefile("rb") as answer:
            client.settimeout(5)
            client.connect(str(self.socket))
            client.sendall(f"{command}\n".encode())
            return answer.read().decode()

    def servers(self) -> Mapping[str, Mapping[str, Served]]:
        """Return the servers of every backend by name."""
        found: dict[str, dict[str, Served]] = {}
        for row in csv.DictReader(io.StringIO(self.tell("show stat").removeprefix("# "))):
            if row["svname"] not in {"BACKEND", "FRONTEND"}:
                found.setdefault(row["pxname"], {})[row["svname"]] = Served(row["status"], row["last_agt"])
        return found

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port(host: str) -> int:
    """Return a port of an address that nobody listens on."""
    with closing(socket.create_server((host, 0))) as free:
        port: int = free.getsockname()[1]
        return port
