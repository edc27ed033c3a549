"""Reads mailboxes over IMAP and POP3, and deletes from them what is ours."""

from probe.mailbox.imap import ImapAccess
from probe.mailbox.patience import Patience
from probe.mailbox.pop3 import Pop3Access
from probe.model.settings import ImapSettings, Mailbox
from probe.ports import Clock, MailboxAccess


def access(mailbox: Mailbox, clock: Clock, *, patience: Patience = Patience()) -> MailboxAccess:  # noqa: B008  # frozen
    """Return the way into a mailbox that its settings name."""
    settings = mailbox.access
    if isinstance(settings, ImapSettings):
        return ImapAccess(mailbox, settings, clock=clock, patience=patience)
    return Pop3Access(mailbox, settings, clock=clock, patience=patience)
