"""The reference for cost: the shortest script that sends a message and fetches it again, with the standard library."""

import imaplib
import smtplib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from probe.demo.system import ADDRESS, PASSWORD_FILE

_HEADER = f"From: {ADDRESS}\r\nTo: {ADDRESS}\r\nSubject: reference\r\n\r\n"
_MESSAGE = _HEADER + "An ordinary line of text.\r\n" * 20


def cpu_seconds_per_message(ports: Iterable[int], *, imap_port: int) -> float:
    """Send a message to each port and fetch it again; return what that takes of this process's time, each."""
    with _inbox(imap_port) as inbox:
        began, sent = time.process_time(), 0
        for port in ports:
            with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.test") as smtp:
                smtp.sendmail(ADDRESS, [ADDRESS], _MESSAGE)
            _fetch_and_remove(inbox)
            sent += 1
        return (time.process_time() - began) / sent


@contextmanager
def _inbox(port: int) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4("127.0.0.1", port) as client:
        client.login(ADDRESS, PASSWORD_FILE.read_text().strip())
        client.select("INBOX")
        yield client


def _fetch_and_remove(inbox: imaplib.IMAP4) -> None:
    # The sink files a message before it answers for it: the first question finds it.
    inbox.noop()
    _, found = inbox.fetch("1:*", "(UID BODY.PEEK[])")
    if not found or found[0] is None:
        raise RuntimeError("the sink has lost a message")
    inbox.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
    inbox.expunge()
