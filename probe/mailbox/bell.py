"""Wakes a thread that waits for a socket."""

import contextlib
import select
import socket


class Bell:
    """A thing that can be polled beside a socket; rung from any thread, before or during the wait."""

    def __init__(self) -> None:
        self._listening, self._ringing = socket.socketpair()
        self._listening.setblocking(False)
        self._ringing.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is readable while the bell has been rung."""
        return self._listening.fileno()

    def ring(self) -> None:
        """Wake whoever waits, or waits next."""
        # A full buffer means that it has been rung often enough; a closed bell wakes nobody.
        with contextlib.suppress(OSError):
            self._ringing.send(b"!")

    def rung(self) -> bool:
        """Tell whether it was rung since it was asked last."""
        with contextlib.suppress(BlockingIOError):
            return bool(self._listening.recv(65536))
        return False

    def wait(self, seconds: float) -> None:
        """Return when it is rung, or after so many seconds."""
        poller = select.poll()
        poller.register(self, select.POLLIN)
        if poller.poll(max(seconds, 0) * 1000):
            self.rung()

    def close(self) -> None:
        """Free both ends."""
        self._ringing.close()
        self._listening.close()
