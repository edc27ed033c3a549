"""Bounces in words, of the mailers that send no notification: read by flufl.bounce, which knows them from Mailman."""

import logging
import re
from email.iterators import typed_subpart_iterator
from email.message import Message
from email.utils import parseaddr
from itertools import islice

from flufl.bounce import all_failures

from probe.bounces.fields import clean, named
from probe.model.report import Action, Report

# It tells of each of its detectors on every message, and its own failures are ours to tell.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_DAEMON = re.compile(r"mailer-daemon|postmaster|mail delivery", re.I)
_GAVE_UP = re.compile(r"undeliver|returned|failure|failed|rejected|could not be", re.I)
_GOES_ON = re.compile(r"delayed|warning:|not yet been|be retried|(?:keep|still) trying|no action is required", re.I)
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.])[45]\d\d[ -]")


def read(message: Message) -> Report | None:
    """Read a bounce in words; None where nothing says that the message was given up, or is still tried."""
    lines = _lines(message)
    action = _action(message, lines)
    if action is None:
        return None
    telling = next((line for line in lines if _STATUS.search(line)), "")
    telling = telling or next((line for line in lines if _CODE.search(line)), "")
    status = _STATUS.search(telling)
    host = parseaddr(named(message, "From"))[1].rpartition("@")[2]
    return Report(action, status[0] if status else "", reporting_mta=clean(host), diagnostic=clean(telling))


def _action(message: Message, lines: list[str]) -> Action | None:
    delayed, failed = all_failures(message)
    if failed or delayed:
        return Action.FAILED if failed else Action.DELAYED
    subject = named(message, "Subject")
    if _GOES_ON.search(subject) or any(_GOES_ON.search(line) for line in lines):
        return Action.DELAYED
    # RFC 5321 4.5.5, RFC 3834 2: programs that answer in somebody's name are none of these.
    return Action.FAILED if _DAEMON.search(named(message, "From")) or _GAVE_UP.search(subject) else None


def _lines(message: Message) -> list[str]:
    """Return the words for a person: those of the first part that is text."""
    texts = islice(typed_subpart_iterator(message, "text", "plain"), 1)
    for part in texts:
        if isinstance(decoded := part.get_payload(decode=True), bytes):
            return decoded.decode("utf-8", "replace").splitlines()
    return []
