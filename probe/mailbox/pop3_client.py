"""poplib on a bounded wire."""

import poplib
import ssl
from base64 import b64encode
from typing import Any

from probe.mailbox.wire import Broken, Wire
from probe.model.oauth import MECHANISMS, Bearer, after_failure

LINES_CAP = 250_000
"""In one reply; a maildrop with more messages than this is nothing to watch mail flow in."""


class Pop3Client(poplib.POP3):
    """A POP3 session on a connected wire."""

    def __init__(self, wire: Wire, server_name: str) -> None:
        # Not that of poplib, which would connect by itself and read through a file without a deadline.
        self.host = server_name
        self._wire = wire
        self._lines = 0
        self._debugging = 0
        self._tls_established = False
        self.welcome = self._shortresp()

    def stls(self, context: ssl.SSLContext | None = None) -> bytes:
        """Change to TLS (RFC 2595 4)."""
        assert context is not None
        agreed = self._shortcmd("STLS")
        self._wire.start_tls(context, self.host)
        return agreed

    def show_token(self, bearer: Bearer) -> None:
        """Log in by a token (RFC 5034 4); raises Broken where none is taken."""
        offered = self.capa().get("SASL", [])
        mechanism = next((name for name in MECHANISMS if name in offered), None)
        if mechanism is None:
            raise Broken(f"does not offer to log in by {' or '.join(MECHANISMS)}")
        asked = self._shortcmd(f"AUTH {mechanism}")
        for answer in (bearer.response(mechanism), after_failure(mechanism)):
            if asked.startswith(b"+OK"):
                return
            asked = self._shortcmd(b64encode(answer.encode()).decode())
        if not asked.startswith(b"+OK"):
            raise Broken("asks for more than a token")

    def beginning(self, number: int, *, lines: int, cap: int) -> bytes:
        """Return the header and so many lines of a message, cut after so many octets."""
        self._shortcmd(f"TOP {number} {lines}")
        kept = bytearray()
        # A stranger's endless line must not make the whole mailbox unreadable: what is over the cap is passed over.
        while (line := self._wire.line_start()) not in (b".\r\n", b".\n"):
            if len(kept) < cap:
                kept += line.removeprefix(b".")
        return bytes(kept[:cap])

    def table(self, command: str) -> list[tuple[int, str]]:
        """Return the rows of UIDL or LIST: message number and word."""
        rows = (row.decode("ascii", "replace").split(" ", 1) for row in self._longcmd(command)[1])
        return [(int(number), word.strip()) for number, word in rows]

    def delete(self, number: int) -> None:
        """Mark a message; it is gone when `leave` has returned."""
        self._shortcmd(f"DELE {number}")

    def leave(self) -> None:
        """End the session; what was marked is deleted now, if this is answered (RFC 1939 6)."""
        self._shortcmd("QUIT")

    def _shortcmd(self, line: str) -> bytes:
        self._putcmd(line)
        return self._shortresp()

    def _shortresp(self) -> bytes:
        reply: bytes = self._getresp()  # type: ignore[attr-defined]
        return reply

    def _longcmd(self, line: str) -> tuple[bytes, list[bytes], int]:
        reply: tuple[bytes, list[bytes], int] = super()._longcmd(line)  # type: ignore[misc]
        return reply

    def _putcmd(self, line: str) -> None:
        self._lines = 0
        self._wire.send(line.encode() + b"\r\n")

    def _getline(self) -> tuple[bytes, int]:
        self._lines += 1
        if self._lines > LINES_CAP:
            raise Broken("sends a reply without end")
        line = self._wire.readline()
        return line.rstrip(b"\r\n"), len(line)


def is_contention(refusal: Any) -> bool:
    """Tell whether a refused login means that somebody else holds the maildrop, or that we come too often.

    By the codes of RFC 2449 8.1, or in the words of RFC 1939's own examples.
    """
    said = str(refusal).lower()
    return "[in-use]" in said or "[login-delay]" in said or ("maildrop" in said and "lock" in said)
