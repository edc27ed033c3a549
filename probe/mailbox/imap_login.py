"""From settings to a session that is logged in, with as much protection as was asked for."""

import imaplib
import ssl

from imapclient.exceptions import IMAPClientError

from probe.mailbox.patience import Patience
from probe.mailbox.pushclient import Heard, PushClient
from probe.mailbox.trouble import text
from probe.mailbox.wire import Broken, Wire
from probe.model.settings import ImapSettings, Tls
from probe.net.tls import client_context
from probe.ports import MailboxTrouble


def log_in(wire: Wire, settings: ImapSettings, *, heard: Heard, patience: Patience) -> PushClient:
    """Connect, protect, log in; raises MailboxTrouble for a refused login, and what the libraries raise."""
    wire.allow(patience.connect_seconds)
    wire.connect(settings.host, settings.port)
    if settings.tls is Tls.IMPLICIT:
        wire.start_tls(_context(settings), _server_name(settings))
    wire.allow(patience.operation_seconds)
    client = PushClient(wire, _server_name(settings), heard=heard)
    client.begin(patience.operation_seconds)
    if client.greeted_as_known():
        # RFC 9051 7.1.4: nothing that was said in the clear can say who we are.
        raise Broken("greets with PREAUTH: whose mailbox is it?")
    if settings.tls is Tls.STARTTLS:
        _start_tls(client, settings)
    if client.has_capability("LOGINDISABLED"):
        raise Broken("takes no login on this connection; use tls: starttls or implicit")
    _authenticate(client, settings)
    client.capabilities()  # remembered; asked for only where the reply to the login did not bring them
    return client


def _start_tls(client: PushClient, settings: ImapSettings) -> None:
    if not client.has_capability("STARTTLS"):
        raise Broken("does not offer STARTTLS")
    client.starttls(_context(settings))


def _authenticate(client: PushClient, settings: ImapSettings) -> None:
    username, password = settings.login.username, settings.login.password.reveal()
    try:
        if client.has_capability("AUTH=PLAIN"):
            client.plain_login(username, password)
        else:
            client.login(_quoted(username), _plain(password))
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, IMAPClientError) as exc:
        said = text(str(exc).replace(password, "***"))
        # Without the cause: a traceback must not show what was sent.
        raise MailboxTrouble(f"{settings.host}:{settings.port} refused the login of {username}: {said}") from None


def _quoted(username: str) -> str:
    # imaplib quotes the password only.
    return '"' + _plain(username).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(word: str) -> str:
    if not word.isascii() or not word.isprintable():
        raise Broken("has no AUTH=PLAIN, and LOGIN takes printable ASCII only")
    return word


def _server_name(settings: ImapSettings) -> str:
    return settings.server_name or settings.host


def _context(settings: ImapSettings) -> ssl.SSLContext:
    return client_context(verify=settings.verify, ca_file=settings.ca_file)
