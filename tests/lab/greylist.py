"""A greylisting policy service for Postfix (SMTPD_POLICY_README): who was never seen before has to come again."""

import threading
import time
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self

from tests.lab.site import Endpoint


class Greylist:
    """Put off every client, sender and recipient until some seconds after they were first seen; use it with `with`."""

    def __init__(self, address: str, *, seconds: float) -> None:
        self._seconds = seconds
        self._first_seen: dict[tuple[str, ...], float] = {}
        self._server = _Server((address, 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def endpoint(self) -> Endpoint:
        """Return where members ask."""
        address, port = self._server.server_address[:2]
        return Endpoint(str(address), port)

    def action(self, request: dict[str, str]) -> str:
        """Return what a member shall do about a request, as access(5) writes it."""
        triplet = tuple(request.get(name, "") for name in ("client_address", "sender", "recipient"))
        first_seen = self._first_seen.setdefault(triplet, time.monotonic())
        if time.monotonic() - first_seen < self._seconds:
            return f"450 4.2.0 Greylisted for {self._seconds:g} s"
        return "DUNNO"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # Postfix keeps its connections.

    def __init__(self, address: tuple[str, int], greylist: Greylist) -> None:
        super().__init__(address, _Conversation)
        self.greylist = greylist


class _Conversation(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        request: dict[str, str] = {}
        for line in self.rfile:
            name, equals, value = line.decode().rstrip("\n").partition("=")
            if equals:
                request[name] = value
                continue
            self.wfile.write(f"action={self.server.greylist.action(request)}\n\n".encode())
            request = {}
