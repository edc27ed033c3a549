"""IMAPClient on a bounded wire, with an IDLE that loses nothing, can be woken and never spins."""

import imaplib
import ssl
import time
from collections.abc import Callable
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from probe.mailbox.bell import Bell
from probe.mailbox.wire import Broken, Wire

LITERAL_CAP = 1024 * 1024
ANSWERS_CAP = 20_000
"""Untagged replies in one operation; a mailbox has fewer folders than this, a batch far fewer messages."""

Heard = Callable[[str, Any], None]
"""Is told of each untagged reply, by its kind and what it says, in the order in which they come."""


class PushClient(IMAPClient):  # type: ignore[misc]  # imapclient ships no types
    """An IMAP session of which every operation begins with `begin`."""

    def __init__(self, wire: Wire, server_name: str, *, heard: Heard) -> None:
        self._wire = wire
        self._server_name = server_name
        self._heard = heard
        super().__init__(server_name, ssl=False)
        self.normalise_times = False
        self._imap.debug = 0  # each line would be formatted for a log that nobody reads

    def begin(self, seconds: float) -> None:
        """Give the next operation so much time, and forget what the one before has left lying about."""
        self._wire.allow(seconds)
        self._imap.answers = 0
        self._imap.untagged_responses.clear()

    def greeted_as_known(self) -> bool:
        """Tell whether the server greeted with PREAUTH."""
        return bool(self._imap.state == "AUTH")

    def noop(self) -> None:
        """Ask for news; what there is was heard when this returns."""
        self._checkok("noop", *self._imap.noop())

    def uid(self, command: str, *arguments: str) -> list[Any]:
        """Run a UID command whose arguments are of our own making, and return the untagged replies it brought.

        Messages that are already gone are no error (RFC 5530 3, EXPUNGEISSUED).
        """
        typ, said = self._imap._simple_command("UID", command, *arguments)
        if typ != "OK" and b"EXPUNGEISSUED" not in said[-1]:
            raise IMAPClientError(f"UID {command}: {said[-1]!r}")
        replies: list[Any] = self._imap.untagged_responses.pop(command, [None])
        return replies

    def quotas_of_inbox(self) -> list[Any]:
        """Ask for all quotas that bind the inbox (RFC 9208 4.3.2); a server that tells none is no trouble."""
        self._imap._simple_command("GETQUOTAROOT", "INBOX")
        told: list[Any] = self._imap.untagged_responses.pop("QUOTA", [])
        return told

    def watch(self, bell: Bell, seconds: float, *, changed: Callable[[], bool], patience_seconds: float) -> bool:
        """Return when something has changed, the bell is rung, or after so many seconds; by IDLE if offered.

        Returns whether something had changed before IDLE was ended: many servers tell at its end what they kept back.
        """
        self.begin(seconds + patience_seconds)
        if not self.has_capability("IDLE"):
            self._listen(bell, seconds, until=changed)
            return changed()
        tag = self._imap._command("IDLE")
        # RFC 2177 3 lets news come before the continuation as well as with it.
        while self._imap._get_response() is not None:
            if self._imap.tagged_commands[tag]:
                raise IMAPClientError("IDLE was refused")
        self._listen(bell, seconds, until=lambda: changed() or bool(self._imap.tagged_commands[tag]))
        pushed = changed()
        self._wire.allow(patience_seconds)
        if not self._imap.tagged_commands[tag]:  # a server may end it by itself
            self._imap.send(b"DONE\r\n")
        self._checkok("idle", *self._imap._command_complete("IDLE", tag))
        return pushed

    def _listen(self, bell: Bell, seconds: float, *, until: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while not (until() or bell.rung()) and (left := end - time.monotonic()) > 0:
            # What came with the last reply lies in the buffer already: a look at the socket would not show it.
            while self._wire.has_line():
                self._imap._get_response()
                self._imap._check_bye()
            if not until():
                self._wire.await_news(bell, left)

    def _create_IMAP4(self) -> "_Protocol":
        return _Protocol(self._wire, self._server_name, heard=self._heard)


class _Protocol(imaplib.IMAP4):
    """The standard library's protocol, on our wire instead of its own socket and file."""

    def __init__(self, wire: Wire, server_name: str, *, heard: Heard) -> None:
        self.answers = 0
        self._wire = wire
        self._heard = heard
        super().__init__(server_name)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port, self.sock = host, port, self._wire.sock

    def read(self, size: int) -> bytes:
        # The announced size is checked before anything of that size is made (RFC 9051 4.3).
        if size > LITERAL_CAP:
            raise Broken(f"announced a literal of {size} octets")
        return self._wire.read(size)

    def readline(self) -> bytes:
        return self._wire.readline()

    def send(self, data: Any) -> None:
        self._wire.send(data)

    def shutdown(self) -> None:
        self._wire.close()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[Any, Any]:
        assert ssl_context is not None
        typ, said = self._simple_command("STARTTLS")
        if typ == "OK":
            self._wire.start_tls(ssl_context, self.host)
            self.sock = self._wire.sock
            # RFC 9051 6.2.1: what was offered before may have been written by a man in the middle.
            self.untagged_responses.clear()
            self._get_capabilities()
        return typ, said

    def _append_untagged(self, typ: str, dat: Any) -> None:
        self.answers += 1
        if self.answers > ANSWERS_CAP:
            raise Broken("sends replies without end")
        self._heard(typ, dat)
        super()._append_untagged(typ, dat)  # type: ignore[misc]  # private; the same from Python 3.11 to 3.14
