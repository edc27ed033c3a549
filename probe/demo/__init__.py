"""A whole mail system in one process, with faults on demand: SMTP members, IMAP with IDLE, and POP3."""
