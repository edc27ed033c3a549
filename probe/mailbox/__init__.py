"""Reads mailboxes over IMAP and POP3, and deletes from them what is ours."""

from probe.mailbox.credentials import Credentials
from probe.mailbox.imap import ImapAccess
from probe.mailbox.patience import Patience
from probe.mailbox.pop3 import Pop3Access
from probe.model.settings import ImapSettings, Mailbox
from probe.ports import Clock, MailboxAccess, Tokens


def access(
    mailbox: Mailbox,
    clock: Clock,
    *,
    tokens: Tokens | None = None,
    patience: Patience = Patience(),  # noqa: B008  # frozen
) -> MailboxAccess:
    """Return the way into a mailbox that its settings name; ``tokens`` are for those that are opened by one."""
    settings = mailbox.access
    credentials = Credentials(settings, tokens)
    if isinstance(settings, ImapSettings):
        return ImapAccess(mailbox, settings, credentials=credentials, clock=clock, patience=patience)
    return Pop3Access(mailbox, settings, credentials=credentials, clock=clock, patience=patience)
