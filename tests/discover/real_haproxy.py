"""A real HAProxy with one backend, to be asked over its stats sockets."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

STARTS_WITHIN_SECONDS = 10
_CONFIG = """\
global
  stats socket {path} level user
  stats socket ipv4@127.0.0.1:{port} level user
defaults
  mode tcp
  timeout connect 1s
  timeout client 1s
  timeout server 1s
backend mx
{servers}
"""


@contextmanager
def running_haproxy(servers: str, home: Path) -> Iterator[tuple[str, str]]:
    """Run HAProxy with these servers in its backend `mx`, and give its sockets: a path, and HOST:PORT."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    path, config = home / "admin.sock", home / "haproxy.cfg"
    config.write_text(_CONFIG.format(path=path, port=port, servers=servers))
    process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", config], stderr=subprocess.DEVNULL)
    try:
        _await_socket(process, path)
        yield str(path), f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _await_socket(process: subprocess.Popen[bytes], path: Path) -> None:
    give_up = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        with closing(socket.socket(socket.AF_UNIX)) as client:
            if not client.connect_ex(str(path)):
                return
        time.sleep(0.02)
    raise AssertionError("haproxy did not start")
