"""Somebody whom Alertmanager tells of alerts: a web server on loopback that remembers what was posted to it."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.patience import eventually


@dataclass(frozen=True, slots=True)
class Told:
    """One alert in one notification."""

    status: str
    """firing or resolved."""
    labels: Mapping[str, str]


class Pager:
    """What was told, and where to tell it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._told: list[Told] = []

    def hear(self, notification: bytes) -> None:
        """Remember a notification, as Alertmanager posts it to a webhook."""
        self._told += [Told(alert["status"], alert["labels"]) for alert in json.loads(notification)["alerts"]]

    def told(self) -> list[Told]:
        """Return all that was told, in the order in which it came."""
        return list(self._told)

    def wait_for(self, status: str, *, within_seconds: float, **labels: str) -> None:
        """Return once the last that was told of an alert is this status."""
        eventually(
            lambda: [alert.status for alert in self._told if labels.items() <= alert.labels.items()][-1:] == [status],
            within_seconds=within_seconds,
            what=f"{status} of {labels}; told were {self._told}",
        )


@contextmanager
def pager() -> Iterator[Pager]:
    """Listen until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paged.hear(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        paged = Pager(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield paged
        server.shutdown()
        thread.join()
