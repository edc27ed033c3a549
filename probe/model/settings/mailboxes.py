"""How mailboxes are read."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from probe.model.oauth import TokenLogin
from probe.model.settings.endpoint import written
from probe.model.settings.smtp import Login, Tls


@dataclass(frozen=True, slots=True)
class MailAccess:
    """The server that a mailbox is read from, and how it is spoken to."""

    host: str
    login: Login | TokenLogin
    port: int
    tls: Tls = Tls.IMPLICIT
    verify: bool = True
    server_name: str | None = None
    """The name its certificate is expected to carry; None: the host's."""
    ca_file: Path | None = None

    @property
    def endpoint(self) -> str:
        """Return host and port as people write them, IPv6 in brackets."""
        return written(self.host, self.port)

    @property
    def certified_name(self) -> str:
        """Return the name that its certificate has to carry."""
        return self.server_name or self.host


@dataclass(frozen=True, slots=True)
class ImapSettings(MailAccess):
    """How a mailbox is read over IMAP."""


@dataclass(frozen=True, slots=True)
class Pop3Settings(MailAccess):
    """How a mailbox is read over POP3."""


SPARE_BODY = 64 * 1024
"""Octets that a body of ours may have grown on its way and is still read whole."""


LONGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An account that is read over IMAP or POP3."""

    name: str
    address: str
    access: ImapSettings | Pop3Settings
    inbox: str = "INBOX"
    junk: str | None = None
    """The junk folder's name; None: the one with the \\Junk attribute (RFC 6154), else one with a well-known name."""
    keep: timedelta = timedelta(0)
    """How long a settled message of ours stays before it is deleted."""
    longest_body: int = SPARE_BODY
    """Octets of a body that are read of a message of ours, at most."""
    foreign_limit: int = 1000
    """With more messages of others in a folder the mailbox looks like a person's: nothing is deleted there."""
