"""Reads mailboxes over IMAP and POP3, and deletes from them what is ours."""
