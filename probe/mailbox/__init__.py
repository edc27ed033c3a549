"""Reads mailboxes over IMAP and POP3, and deletes from them what is ours."""

from probe.mailbox.imap import ImapAccess
from probe.mailbox.pop3 import Pop3Access
from probe.model.settings import ImapSettings, Mailbox
from probe.ports import Clock, MailboxAccess


def access(mailbox: Mailbox, clock: Clock) -> MailboxAccess:
    """Return the way into a mailbox that its settings name."""
    settings = mailbox.access
    if isinstance(settings, ImapSettings):
        return ImapAccess(mailbox, settings, clock=clock)
    return Pop3Access(mailbox, settings, clock=clock)
