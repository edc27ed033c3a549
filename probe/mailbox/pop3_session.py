"""One visit to a POP3 maildrop: log in, look or delete, leave."""

import contextlib
import poplib
import time
from collections.abc import Callable, Iterator

from probe.mailbox.patience import Patience
from probe.mailbox.pop3_client import Pop3Client, is_contention
from probe.mailbox.trouble import text, translated
from probe.mailbox.wire import Broken, Wire
from probe.model.settings import Pop3Settings, Tls
from probe.net.tls import client_context
from probe.ports import MailboxBusy, MailboxTrouble

RETRY_SECONDS = (0.2, 0.5, 1.0)
"""How long a visitor waits before it knocks again at a maildrop that somebody else holds."""


@contextlib.contextmanager
def visit(
    settings: Pop3Settings, *, new_wire: Callable[[], Wire], pause: Callable[[float], object], patience: Patience
) -> Iterator[Pop3Client]:
    """Hold a session that is logged in, and leave without a change if it fails.

    Raises MailboxBusy when somebody else holds the maildrop and does not let go, and MailboxTrouble.
    """
    server = f"{settings.host}:{settings.port}"
    until = time.monotonic() + patience.operation_seconds
    with translated(server), contextlib.ExitStack() as leaving:
        client = _log_in(settings, new_wire, pause, until=until, patience=patience, leaving=leaving)
        yield client
        client.leave()


def _log_in(
    settings: Pop3Settings,
    new_wire: Callable[[], Wire],
    pause: Callable[[float], object],
    *,
    until: float,
    patience: Patience,
    leaving: contextlib.ExitStack,
) -> Pop3Client:
    for seconds in (*RETRY_SECONDS, None):
        wire = new_wire()
        leaving.callback(wire.close)
        try:
            return _knock(wire, settings, until, patience.connect_seconds)
        except MailboxBusy:
            wire.close()
            if seconds is None or time.monotonic() + seconds > until:
                raise
            pause(seconds)
    raise AssertionError("the last knock returns or raises")


def _knock(wire: Wire, settings: Pop3Settings, until: float, connect_seconds: float) -> Pop3Client:
    wire.allow(min(connect_seconds, until - time.monotonic()))
    wire.connect(settings.host, settings.port)
    context = client_context(verify=settings.verify, ca_file=settings.ca_file)
    server_name = settings.server_name or settings.host
    if settings.tls is Tls.IMPLICIT:
        wire.start_tls(context, server_name)
    wire.allow(until - time.monotonic())
    client = Pop3Client(wire, server_name)
    if settings.tls is Tls.STARTTLS:
        client.stls(context)
    _authenticate(client, settings)
    return client


def _authenticate(client: Pop3Client, settings: Pop3Settings) -> None:
    username, password = settings.login.username, settings.login.password.reveal()
    if not (username + password).isprintable():
        raise Broken("takes no control characters in a user name or a password")
    try:
        client.user(username)
        client.pass_(password)
    except poplib.error_proto as exc:
        said = text(exc.args[0] if exc.args else "").replace(password, "***")
        server = f"{settings.host}:{settings.port}"
        # Without the cause: a traceback must not show what was sent.
        if is_contention(said):
            raise MailboxBusy(f"{server} says that the mailbox of {username} is busy: {said}") from None
        raise MailboxTrouble(f"{server} refused the login of {username}: {said}") from None
