"""One connection of an agent-check: a line in, a line out, and the end."""

import asyncio
from collections.abc import Callable
from typing import cast

LONGEST_QUESTION = 256
"""Octets, its line end included."""
WITHIN_SECONDS = 1.0


class Conversation(asyncio.Protocol):
    """Answer one question; whoever asks none in time, or too long a one, is left without an answer.

    To HAProxy no answer means no change. ``answer`` gives the line for a question, ``mute`` is told why there is none;
    ``opened`` holds all conversations that go on, the oldest first.
    """

    def __init__(
        self, answer: Callable[[str], str], *, mute: Callable[[str], None], opened: "dict[Conversation, None]"
    ) -> None:
        self._answer = answer
        self._mute = mute
        self._opened = opened
        self._question = b""
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the question, but not for long."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._timer = asyncio.get_running_loop().call_later(WITHIN_SECONDS, self._give_up)
        self._opened[self] = None

    def data_received(self, data: bytes) -> None:
        """Take in a part of the question, and answer it once it is whole."""
        if self._transport.is_closing():
            return
        self._question += data[: LONGEST_QUESTION + 1]
        line, end, _ = self._question[:LONGEST_QUESTION].partition(b"\n")
        if end:
            said = self._answer(line.decode("ascii", "replace").strip(" \r"))
            self._transport.write(f"{said}\n".encode("ascii"))
            self._transport.close()
        elif len(self._question) >= LONGEST_QUESTION:
            self.abandon(f"it asks in more than {LONGEST_QUESTION} octets")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._timer.cancel()
        self._opened.pop(self, None)

    def abandon(self, reason: str | None = None) -> None:
        """End without an answer."""
        if reason:
            self._mute(reason)
        self._transport.abort()

    def _give_up(self) -> None:
        asked = "its question has no line end" if self._question else "it asks nothing"
        # One that was answered, and does not take the answer, was not left without.
        self.abandon(None if self._transport.is_closing() else f"{asked}: does agent-send end with \\n?")
