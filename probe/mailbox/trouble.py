"""Turns whatever a mail library or a hostile server can raise into MailboxTrouble, once."""

import contextlib
import imaplib
import poplib
import socket
import ssl
from collections.abc import Iterator

from imapclient.exceptions import ProtocolError

from probe.mailbox.wire import Broken, Lost
from probe.model.trouble import TroubleKind
from probe.net.text import printable
from probe.ports import MailboxTrouble


@contextlib.contextmanager
def translated(server: str) -> Iterator[None]:
    """Raise MailboxTrouble that names the server, for every exception that is not one already."""
    try:
        yield
    except MailboxTrouble:
        raise
    except Exception as exc:  # garbage makes the parsers fail in ways that nobody lists
        raise MailboxTrouble(f"{server} {_reason(exc)}", _kind(exc)) from exc


def refused_login(server: str, username: str, said: str) -> MailboxTrouble:
    """Return the trouble of a login that was refused in these words, which hold no secret."""
    # RFC 5530 3, RFC 3206 4: the password may be right.
    for_now = "[UNAVAILABLE]" in said or "[SYS/TEMP]" in said
    kind = TroubleKind.OTHER if for_now else TroubleKind.LOGIN_REFUSED
    return MailboxTrouble(f"{server} refused the login of {username}: {said}", kind)


def text(raw: object) -> str:
    """Return what a server said as something that can be shown."""
    said = raw[-1] if isinstance(raw, list) and raw else raw
    return printable(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))


def _kind(exc: Exception) -> TroubleKind:
    match exc:
        case TimeoutError():
            return TroubleKind.SLOW
        case ssl.SSLError():
            return TroubleKind.OTHER
        case Lost() | OSError():
            return TroubleKind.UNREACHABLE
        case _:
            return TroubleKind.OTHER


def _reason(exc: Exception) -> str:
    match exc:
        case Broken():
            return str(exc)
        case TimeoutError():
            return "did not answer in time"
        case ssl.SSLCertVerificationError():
            return f"shows a certificate that is not accepted: {printable(exc.verify_message)}"
        case ssl.SSLError():
            return f"fails at TLS: {printable(exc.reason or str(exc))}"
        case socket.gaierror():
            return f"is not found: {exc.strerror}"
        case OSError() if exc.strerror:
            return f"cannot be reached: {exc.strerror}"
        case imaplib.IMAP4.abort():
            return f"broke the session: {_words(exc)}"
        case imaplib.IMAP4.error() | poplib.error_proto() if not isinstance(exc, ProtocolError):
            return f"refused: {_words(exc)}"
        case _:
            return f"cannot be understood: {printable(str(exc)) or type(exc).__name__}"


def _words(exc: Exception) -> str:
    # Of imaplib and poplib, which pass on the bytes of a reply.
    return text(exc.args[0] if exc.args else exc)
