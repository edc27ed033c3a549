"""A real HAProxy that tells Prometheus what it does with the members."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.postfix import Member

_CONFIG = """\
defaults
  mode tcp
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend metrics
  mode http
  bind {metrics}
  http-request use-service prometheus-exporter
frontend vip
  bind {vip}
  default_backend mx
backend mx
  default-server check inter 500ms rise 1 fall 1
{servers}
"""


@contextmanager
def haproxy(members: Iterable[Member], *, metrics: str, vip: str, home: Path) -> Iterator[None]:
    """Run HAProxy, which only looks whether the port of a member is open."""
    servers = "\n".join(f"  server {member.name} {member.address}:{member.port}" for member in members)
    config = home / "haproxy.cfg"
    config.write_text(_CONFIG.format(metrics=metrics, vip=vip, servers=servers))
    process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", config], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()
