"""Asks over HTTP or HTTPS once: one request, no redirect, bounded in time and size. It blocks: run it in a thread."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTP_PORT, HTTPS_PORT, HTTPConnection
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and of whom."""

    host: str
    path: str = "/"
    port: int | None = None
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    addresses: Sequence[str] = ()
    """Those of the host, tried in this order; none: the system looks them up."""

    @classmethod
    def posting(cls, url: str, body: bytes, headers: Mapping[str, str]) -> "Request":
        """Return the request that posts a body to a URL."""
        parts = urlsplit(url)
        assert parts.hostname
        path = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()
        return cls(parts.hostname, path, port=parts.port, method="POST", body=body, headers=headers)


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: int
    content_type: str
    """Without its parameters, in lower case; "text/plain" where none is said."""
    body: bytes
    """One octet more than what was allowed, at most."""


def ask_once(request: Request, *, context: ssl.SSLContext | None, seconds: float, largest: int) -> Response:
    """Return the answer, within so many seconds; with a context, over TLS.

    Raises TimeoutError, OSError (ssl.SSLError is one), HTTPException, and ValueError for what cannot be asked.
    """
    connection = _Connection(request, context=context, seconds=seconds)
    # The time-out of a socket begins anew with every octet that drips.
    end = threading.Timer(seconds, connection.cut)
    end.daemon = True
    end.start()
    try:
        return connection.ask(largest)
    finally:
        end.cancel()
        connection.close()


class _Connection(HTTPConnection):
    """A connection that another thread can cut at any moment once it stands, in its TLS handshake too."""

    def __init__(self, request: Request, *, context: ssl.SSLContext | None, seconds: float) -> None:
        self.default_port = HTTPS_PORT if context else HTTP_PORT  # the one that a Host header leaves out
        super().__init__(request.host, request.port, timeout=seconds)
        self._asked = request
        self._context = context
        self._end = time.monotonic() + seconds
        self._wire: socket.socket | None = None
        self._was_cut = False

    def connect(self) -> None:
        self.sock = self._wire = self._connected()
        if self._context:
            encrypted = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = self._wire = encrypted
            encrypted.do_handshake()

    def ask(self, largest: int) -> Response:
        asked = self._asked
        try:
            self.request(asked.method, asked.path, asked.body, {**asked.headers, "Connection": "close"})
            answer = self.getresponse()
            return Response(answer.status, answer.headers.get_content_type(), answer.read(largest + 1))
        finally:
            if self._was_cut:  # which looks like an early end
                raise TimeoutError

    def cut(self) -> None:
        self._was_cut = True
        # Not self.sock: that is forgotten while an answer after which the server closes is still read.
        if self._wire:
            with contextlib.suppress(OSError):
                # Not that of SSLSocket, which would take its own state away under a thread that reads.
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def _connected(self) -> socket.socket:
        *others, last = self._asked.addresses or (self.host,)
        for address in others:
            with contextlib.suppress(OSError):
                return self._dialled(address)
        return self._dialled(last)

    def _dialled(self, address: str) -> socket.socket:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return socket.create_connection((address, self.port), timeout=left)
