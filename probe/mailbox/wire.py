"""The socket under a mail library: an absolute deadline, and caps on all that is read."""

import contextlib
import select
import socket
import ssl
import threading
import time

from probe.mailbox.bell import Bell

LINE_CAP = 64 * 1024
OCTETS_CAP = 48 * 1024 * 1024
"""Per operation: a full batch of the longest headers that are asked for, three times over."""
_SEGMENT = 64 * 1024


class Broken(Exception):
    """The connection is of no more use; the message completes a sentence that begins with the server's name."""


class Lost(Broken):
    """There is no connection, or none any more."""


class Wire:
    """A connection that is used by one thread at a time; only `cut` may be called from another.

    Whatever is read or written fails by TimeoutError at the deadline that `allow` has set, however the server
    drips, and by Broken over a cap and when the server closes.
    """

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self._buffer = bytearray()
        self._until = 0.0
        self._octets_left = 0
        self._was_cut = False
        self._lock = threading.Lock()

    @property
    def sock(self) -> socket.socket:
        """Return the connected socket."""
        if self._sock is None:
            raise Broken("is not connected")
        return self._sock

    def allow(self, seconds: float) -> None:
        """Give the next operation so much time from now, all its reads and writes together."""
        self._until = time.monotonic() + seconds
        self._octets_left = OCTETS_CAP

    def connect(self, host: str, port: int) -> None:
        """Connect within the time allowed."""
        try:
            sock = socket.create_connection((host, port), self._seconds_left())
        except TimeoutError as exc:
            raise Lost("cannot be reached: no answer in time") from exc
        with self._lock:
            self._sock = sock
            if self._was_cut:
                raise Broken("was given up")
        # Nagle against delayed acknowledgements costs 40 ms for each command written in two pieces.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Change to TLS; raises Broken for plain text that a man in the middle slipped in before it."""
        if self._buffer:
            raise Broken("sent plain text after it agreed to TLS")
        self.sock.settimeout(self._seconds_left())
        encrypted = context.wrap_socket(self.sock, server_hostname=server_name)
        with self._lock:
            self._sock = encrypted

    def send(self, octets: bytes) -> None:
        """Send all of it."""
        self.sock.settimeout(self._seconds_left())
        self.sock.sendall(octets)

    def readline(self) -> bytes:
        """Return the next line with its end."""
        end = self._find_end()
        if end < 0:
            raise Broken("sent a line without end")
        return self._take(end + 1)

    def line_start(self) -> bytes:
        """Return the next line with its end, cut where it is too long for `readline`; the rest is passed over."""
        end = self._find_end()
        if end >= 0:
            return self._take(end + 1)
        start = self._take(LINE_CAP)
        while (end := self._buffer.find(b"\n")) < 0:
            self._buffer.clear()
            self._receive()
        self._take(end + 1)
        return start + b"\r\n"

    def read(self, size: int) -> bytes:
        """Return so many octets."""
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def has_line(self) -> bool:
        """Tell whether `readline` would return, or fail, at once."""
        return b"\n" in self._buffer or len(self._buffer) >= LINE_CAP

    def await_news(self, bell: Bell, seconds: float) -> None:
        """Return with what the server sent in the buffer, when the bell is rung, or after so many seconds."""
        poller = select.poll()
        poller.register(bell, select.POLLIN)
        poller.register(self.sock, select.POLLIN)
        ready = [descriptor for descriptor, _ in poller.poll(max(seconds, 0) * 1000)]
        if self.sock.fileno() in ready:
            self._fill()

    def cut(self) -> None:
        """End whatever goes on, from any thread; nothing more can be read or written."""
        with self._lock, contextlib.suppress(OSError):
            self._was_cut = True
            if self._sock is not None:
                # Not that of SSLSocket, which would take its own state away under a thread that reads.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the socket."""
        with self._lock:
            self._was_cut = True
            if self._sock is not None:
                self._sock.close()

    def _find_end(self) -> int:
        """Return where the next line ends; -1 for one that is too long."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched, LINE_CAP)) < 0 and len(self._buffer) < LINE_CAP:
            searched = len(self._buffer)
            self._receive()
        return end

    def _fill(self) -> None:
        self.sock.settimeout(0)
        # A part of a TLS record, or a session ticket, is nothing yet.
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            self._take_in()

    def _receive(self) -> None:
        self.sock.settimeout(self._seconds_left())
        self._take_in()

    def _take_in(self) -> None:
        more = self.sock.recv(_SEGMENT)
        if not more:
            raise Lost("closed the connection")
        self._octets_left -= len(more)
        if self._octets_left < 0:
            raise Broken("sent more than was asked for")
        self._buffer += more

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _seconds_left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left
