"""From settings to a session that is logged in, with as much protection as was asked for."""

import imaplib
import ssl

from imapclient.exceptions import IMAPClientError

from probe.mailbox.credentials import Credentials
from probe.mailbox.patience import Patience
from probe.mailbox.pushclient import Heard, PushClient
from probe.mailbox.trouble import refused_login, text
from probe.mailbox.wire import Broken, Wire
from probe.model.oauth import MECHANISMS, Bearer, after_failure
from probe.model.settings import ImapSettings, Login, Tls
from probe.net.tls import client_context
from probe.ports import MailboxTrouble


def log_in(
    wire: Wire, settings: ImapSettings, *, credentials: Credentials, heard: Heard, patience: Patience
) -> PushClient:
    """Connect, protect, log in; raises MailboxTrouble for a refused login, and what the libraries raise."""
    login = credentials.shown()  # first: the server shall not be kept waiting for a token
    wire.allow(patience.connect_seconds)
    wire.connect(settings.host, settings.port)
    if settings.tls is Tls.IMPLICIT:
        wire.start_tls(_context(settings), settings.certified_name)
    wire.allow(patience.operation_seconds)
    client = PushClient(wire, settings.certified_name, heard=heard)
    client.begin(patience.operation_seconds)
    if client.greeted_as_known():
        # RFC 9051 7.1.4: nothing that was said in the clear can say who we are.
        raise Broken("greets with PREAUTH: whose mailbox is it?")
    if settings.tls is Tls.STARTTLS:
        _start_tls(client, settings)
    if client.has_capability("LOGINDISABLED"):
        raise Broken("takes no login on this connection; use tls: starttls or implicit")
    try:
        _authenticate(client, settings, login)
    except MailboxTrouble:
        credentials.refused()
        raise
    client.capabilities()  # remembered; asked for only where the reply to the login did not bring them
    return client


def _start_tls(client: PushClient, settings: ImapSettings) -> None:
    if not client.has_capability("STARTTLS"):
        raise Broken("does not offer STARTTLS")
    client.starttls(_context(settings))


def _authenticate(client: PushClient, settings: ImapSettings, login: Login | Bearer) -> None:
    secret = (login.token if isinstance(login, Bearer) else login.password).reveal()
    try:
        if isinstance(login, Bearer):
            _show_token(client, login)
        elif client.has_capability("AUTH=PLAIN"):
            client.plain_login(login.username, secret)
        else:
            client.login(_quoted(login.username), _plain(secret))
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, IMAPClientError) as exc:
        said = text(str(exc).replace(secret, "***"))
        # Without the cause: a traceback must not show what was sent.
        raise refused_login(settings.endpoint, login.username, said) from None


def _show_token(client: PushClient, bearer: Bearer) -> None:
    mechanism = next((name for name in MECHANISMS if client.has_capability(f"AUTH={name}")), None)
    if mechanism is None:
        raise Broken(f"does not offer to log in by {' or '.join(MECHANISMS)}")
    answers = iter((bearer.response(mechanism), after_failure(mechanism)))
    client.sasl_login(mechanism, lambda challenge: next(answers, None))  # None cancels


def _quoted(username: str) -> str:
    # imaplib quotes the password only.
    return '"' + _plain(username).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(word: str) -> str:
    if not word.isascii() or not word.isprintable():
        raise Broken("has no AUTH=PLAIN, and LOGIN takes printable ASCII only")
    return word


def _context(settings: ImapSettings) -> ssl.SSLContext:
    return client_context(verify=settings.verify, ca_file=settings.ca_file)
