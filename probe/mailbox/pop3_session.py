"""The maildrop of a POP3 server: each visit logs in, looks or deletes, and leaves."""

import contextlib
import functools
import poplib
import ssl
import threading
import time
from collections.abc import Iterator

from probe.mailbox.credentials import Credentials
from probe.mailbox.patience import Patience
from probe.mailbox.pop3_client import Pop3Client, is_contention
from probe.mailbox.trouble import refused_login, text, translated
from probe.mailbox.wire import Broken, Wire
from probe.model.oauth import Bearer
from probe.model.settings import Login, Pop3Settings, Tls
from probe.net.tls import client_context
from probe.ports import MailboxBusy

RETRY_SECONDS = (0.2, 0.5, 1.0)
"""How long a visitor waits before it knocks again at a maildrop that somebody else holds."""


class Maildrop:
    """Is visited by one thread at a time; only `shut` may be called from another."""

    def __init__(self, settings: Pop3Settings, *, credentials: Credentials, patience: Patience) -> None:
        self._settings = settings
        self._credentials = credentials
        self._patience = patience
        self._server = settings.endpoint
        self._wire = Wire()
        self._shut = threading.Event()

    @contextlib.contextmanager
    def visit(self) -> Iterator[Pop3Client]:
        """Hold a session that is logged in; if anything fails, leave without a change.

        Raises MailboxBusy when somebody else holds the maildrop and does not let go, and MailboxTrouble.
        """
        until = time.monotonic() + self._patience.operation_seconds
        with translated(self._server):
            try:
                client = self._log_in(until)
                yield client
                client.leave()
            finally:
                self._wire.close()

    def shut(self) -> None:
        """End the visit that goes on, and let nobody in any more."""
        self._shut.set()
        self._wire.cut()

    def _log_in(self, until: float) -> Pop3Client:
        for seconds in RETRY_SECONDS:
            try:
                return self._knock(until)
            except MailboxBusy:
                self._wire.close()
                if time.monotonic() + seconds > until:
                    raise
                self._shut.wait(seconds)
        return self._knock(until)

    def _knock(self, until: float) -> Pop3Client:
        login = self._credentials.shown()  # first: the server shall not be kept waiting for a token
        self._wire = wire = Wire()
        if self._shut.is_set():  # asked after the new wire is known to `shut`: one of the two cuts it
            wire.cut()
        wire.allow(min(self._patience.connect_seconds, until - time.monotonic()))
        wire.connect(self._settings.host, self._settings.port)
        if self._settings.tls is Tls.IMPLICIT:
            wire.start_tls(self._context, self._settings.certified_name)
        wire.allow(until - time.monotonic())
        client = Pop3Client(wire, self._settings.certified_name)
        if self._settings.tls is Tls.STARTTLS:
            client.stls(self._context)
        self._authenticate(client, login)
        return client

    def _authenticate(self, client: Pop3Client, login: Login | Bearer) -> None:
        username, secret = login.username, (login.token if isinstance(login, Bearer) else login.password).reveal()
        if not (username + secret).isprintable():
            raise Broken("takes no control characters in a user name or a password")
        try:
            if isinstance(login, Bearer):
                client.show_token(login)
            else:
                client.user(username)
                client.pass_(secret)
        except poplib.error_proto as exc:
            said = text(exc.args[0] if exc.args else "").replace(secret, "***")
            # Without the cause: a traceback must not show what was sent.
            if is_contention(said):
                raise MailboxBusy(f"{self._server} says that the mailbox of {username} is busy: {said}") from None
            self._credentials.refused()
            raise refused_login(self._server, username, said) from None

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        # Kept: reading the system's certificates takes 20 ms of processor time, and visits are many.
        return client_context(verify=self._settings.verify, ca_file=self._settings.ca_file)
