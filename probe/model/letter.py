"""A message in a mailbox: where it lies, what was read of it, whose it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from probe.model import tag
from probe.model.findings import NOTHING_FOUND, Findings
from probe.model.report import Report
from probe.model.settings import TagKey
from probe.model.tag import Tag


class Folder(StrEnum):
    """The folders of a mailbox that are watched."""

    INBOX = "inbox"
    JUNK = "junk"


@dataclass(frozen=True, slots=True)
class Place:
    """The identity of a stored message (RFC 9051 2.3.1.1; RFC 1939 7)."""

    mailbox: str
    folder: Folder
    validity: int
    """IMAP's UIDVALIDITY; 0 for POP3."""
    uid: str
    """IMAP's UID, or POP3's UIDL."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What was read of a message: its header, and of its body nothing, the beginning or all."""

    place: Place
    size: int
    """Octets of the whole message."""
    seen: datetime
    """When we came to know of it, by our own clock."""
    internal_date: datetime | None
    """When the mailbox's server says that it was delivered (RFC 9051 2.3.3)."""
    header: bytes
    body: bytes = b""
    whole: bool = False
    """Whether the body is all of it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message of ours that was found in a mailbox, or a report about one."""

    probe_id: str
    place: Place
    seen: datetime
    internal_date: datetime | None
    size: int
    hops: tuple["Hop", ...] = ()
    report: Report | None = None
    """What it says, if it is a report about our message and not the message itself."""
    findings: Findings = NOTHING_FOUND


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received line (RFC 5321 4.4): who took the message, how, and when."""

    by: str
    protocol: str | None
    at: datetime | None
    delay: timedelta | None
    """Since the hop before; None where either time is unknown or wrong. Foreign clocks: never below 0."""
    sender: str | None = None
    """From whom, by the name that was given in EHLO."""
    id: str | None = None
    """By what it is found in the queue and the log."""
    tls: bool | None = None
    """Whether it came over TLS; None where the line does not say."""
    skew: timedelta | None = None
    """By how much the clock is wrong at least, above 0 where it is ahead; None where nothing is wrong with it."""


class Kind(StrEnum):
    """Whose a message is."""

    OURS = "ours"
    REPORT = "report"
    """Somebody else's, and it tells what became of one of ours."""
    REPLY = "reply"
    """An answer that a program gave, or a bounce of a bounce: nobody's business."""
    OTHER_INSTANCE = "other_instance"
    """Signed by one of our keys, for an instance that does not share our ledger."""
    FORGED = "forged"
    FOREIGN = "foreign"


def recognise(letter: Letter, keys: Iterable[TagKey]) -> tuple[Kind, Tag | None]:
    """Tell whose a message is; the tag is returned only where it was proved to be ours, of whichever instance.

    A message is judged by all the tags it carries: tags that disagree prove forgery, except that one in the body
    which nobody signed was only damaged on its way. A bounce or an answer that quotes one of our messages is
    somebody else's message.
    """
    in_header = tag.written_in_header(letter.header)
    if in_header:
        contradicted = _signed(tag.written_in_body(letter.body) - in_header, keys)
        return (Kind.FORGED, None) if contradicted else _by_tags(Kind.OURS, in_header, keys)
    if may_report(letter.header):
        kind, found = _by_tags(Kind.REPORT, tag.written_in_report(letter.body), keys)
        # Whatever happened to a bounce says nothing of what it was about.
        return (Kind.REPLY, None) if kind is Kind.REPORT and _RETURNS_A_BOUNCE.search(letter.body) else (kind, found)
    if _ANSWERS.search(letter.header):
        return Kind.REPLY, None
    in_body = set() if _QUOTES_OTHERS.search(letter.header) else tag.written_in_body(letter.body)
    return _by_tags(Kind.OURS, in_body, keys)


def may_report(header: bytes) -> bool:
    """Tell whether a message may be a report of a mail system, by its header."""
    if _READ.search(header):
        return False
    return bool(_REPORTS.search(header)) or (bool(_FROM_NOBODY.search(header)) and not _ANSWERS.search(header))


def _by_tags(proved: Kind, tags: set[str], keys: Iterable[TagKey]) -> tuple[Kind, Tag | None]:
    """Tell whose a message with these tags is; ``proved`` is the answer where there is one, and it is ours."""
    if not tags:
        return Kind.FOREIGN, None
    if len(tags) > 1:
        return Kind.FORGED, None
    try:
        signed, found = tag.check(tags.pop(), keys)
    except ValueError:
        return Kind.FORGED, None
    return (proved, found) if signed else (Kind.FORGED, None)


def _signed(tags: set[str], keys: Iterable[TagKey]) -> bool:
    """Tell whether any of these tags is more than a damaged one: signed by one of our keys, or one of a crowd."""
    kinds = {_by_tags(Kind.OURS, {each}, keys)[0] for each in islice(tags, _MOST_TAGS)}
    return len(tags) > _MOST_TAGS or bool(kinds - {Kind.FORGED})


_MOST_TAGS = 10
"""Tags in one body that are looked at."""

_FIELD = re.IGNORECASE | re.MULTILINE
_REPORTS = re.compile(
    rb"^(?:content-type:\s*multipart/report|x-failed-recipients:|from:.{0,200}(?:mailer-daemon|mail delivery)"
    rb"|subject:\s*(?:undeliver|delivery|mail delivery|failure notice|returned mail|warning:|message delayed))",
    _FIELD,
)
"""Reports (RFC 3464 2), and what mailers that write none are known by."""
_FROM_NOBODY = re.compile(rb"^return-path:\s*<(?:mailer-daemon)?>", _FIELD)
"""RFC 5321 4.5.5: reports have no sender. But neither have the answers of programs (RFC 3834 3.3)."""
_ANSWERS = re.compile(
    rb"^(?:auto-submitted:\s*auto-replied|precedence:\s*auto_reply|x-auto(?:reply|respond|-reply)[^:]{0,40}:"
    rb"|content-type:\s*multipart/report)",
    _FIELD,
)
"""What programs answer (RFC 3834 5)."""
_READ = re.compile(rb"report-type=\"?(?:disposition-notification|feedback-report)", re.IGNORECASE)
"""Reports of other things: that a message was read (RFC 8098), or complained about (RFC 5965)."""
_RETURNS_A_BOUNCE = re.compile(
    rb"^(?:return-path:\s*<>|x-failed-recipients:|content-type:\s*multipart/report|from:.{0,200}mailer-daemon"
    rb"|auto-submitted:\s*auto-replied)",
    _FIELD,
)
_QUOTES_OTHERS = re.compile(
    rb"^(?:in-reply-to:|references:|subject:\s*(?:re|aw|sv|antw|fw|fwd|wg|tr|rv)(?:\[\d+\])?\s?:)", _FIELD
)
"""Replies (RFC 5322 3.6.4), and what somebody forwarded: programs write no field for that which they agree on, but a
word in front of the subject."""
