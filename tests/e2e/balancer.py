"""A real HAProxy that hides real members behind one address, as balancers of mail do."""

import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.postfix import Member

STARTS_WITHIN_SECONDS = 10
_CONFIG = """\
defaults
  mode tcp
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  timeout check 1s
frontend vip
  bind {vip}
  default_backend mx
backend mx
  balance roundrobin
  default-server inter 200ms rise 1 fall 1 {check}
{servers}
"""


class Balancer:
    """HAProxy in front of members, by turns; with ``check`` it leaves out those whose port is closed."""

    def __init__(self, members: Iterable[Member], *, host: str, home: Path, check: bool = True) -> None:
        with closing(socket.create_server((host, 0))) as free:
            self.port: int = free.getsockname()[1]
        self.host = host
        self._config = home / "haproxy.cfg"
        servers = "\n".join(f"  server {member.name} {member.address}:{member.port}" for member in members)
        self._config.write_text(
            _CONFIG.format(vip=self.address, servers=servers, check="check" if check else "no-check")
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The VIP, with its port."""
        return f"{self.host}:{self.port}"

    def start(self) -> Self:
        """Run, and return once the VIP can be connected to."""
        command = ["/usr/sbin/haproxy", "-db", "-f", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < give_up and self._process.poll() is None:
            with closing(socket.socket()) as client:
                if not client.connect_ex((self.host, self.port)):
                    return self
            time.sleep(0.02)
        raise AssertionError("haproxy did not start")

    def stop(self) -> None:
        """End; the VIP refuses connections from then on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
