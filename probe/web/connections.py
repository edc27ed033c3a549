"""HTTP/1.1 connections with an end to every wait, and only so many of them."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from probe.net.descriptors import affordable

MOST_CONNECTIONS = 500
SHARE_OF_DESCRIPTORS = 4
"""At most one in so many of the descriptors that the process may open: the others are for members and mailboxes."""
REQUEST_WITHIN_SECONDS = 10.0
ANSWER_WITHIN_SECONDS = 60.0
ENDLESS = "mailflow.endless"
"""What an application sets in the scope of a request whose answer has no end, as that of events."""


def most_connections() -> int:
    """Return how many connections may be open: whoever idles on many must not leave the probe without sockets."""
    return affordable(MOST_CONNECTIONS, SHARE_OF_DESCRIPTORS)


class BoundedProtocol(H11Protocol):
    """Close what sends no whole request, or takes no answer, in time.

    uvicorn itself waits for ever for a first request, and its own limit answers 503 to everybody, which a load
    balancer would read as "down". Here the connection that has waited longest makes room for a new one; where all are
    being answered, first an answer without end does, then the one that takes longest. Such an answer may go on for as
    long as its client takes what is sent.
    """

    _timer: asyncio.TimerHandle | None = None
    _waiting = True

    def __init__(self, line: "dict[BoundedProtocol, None]", **of_uvicorn: Any) -> None:
        """``line`` holds all connections of the server; those come first whose wait began first."""
        super().__init__(**of_uvicorn)
        self._line = line

    @property
    def waiting(self) -> bool:
        """Tell whether there is no answer that is being made, or still to be taken by the client."""
        made = self.cycle is None or self.cycle.response_complete
        return made and not self.transport.get_write_buffer_size()

    @property
    def endless(self) -> bool:
        """Tell whether the answer that is being made has no end."""
        return not self.waiting and ENDLESS in (self.scope or {})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for a first request."""
        super().connection_made(transport)
        self._wait()
        if len(self._line) > most_connections():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        super().data_received(data)
        if self.waiting is not self._waiting:
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._cancel()
        self._line.pop(self, None)
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._cancel()
        self._line.pop(self, None)
        self._line[self] = None
        self._waiting = self.waiting
        longest = REQUEST_WITHIN_SECONDS if self._waiting else ANSWER_WITHIN_SECONDS
        self._timer = self.loop.call_later(longest, self._let_go)

    def _let_go(self) -> None:
        if self.endless and not self.transport.get_write_buffer_size():
            self._timer = self.loop.call_later(ANSWER_WITHIN_SECONDS, self._let_go)
        else:
            self.transport.abort()

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _make_room(self) -> None:
        for may_go in (lambda other: other.waiting, lambda other: other.endless, lambda _: True):
            for other in self._line:
                if other is not self and not other.transport.is_closing() and may_go(other):
                    other.transport.abort()
                    return
