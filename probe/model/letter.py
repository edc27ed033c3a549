"""A message in a mailbox: where it lies, what was read of it, whose it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from probe.model import tag
from probe.model.settings import TagKey
from probe.model.tag import Tag, Trust


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
    """What was read of a message: its header and the beginning of its body, never all of it."""

    place: Place
    size: int
    """Octets of the whole message."""
    seen: datetime
    """When we came to know of it, by our own clock."""
    internal_date: datetime | None
    """When the mailbox's server says that it was delivered (RFC 9051 2.3.3)."""
    header: bytes
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message of ours that was found in a mailbox."""

    probe_id: str
    place: Place
    seen: datetime
    internal_date: datetime | None
    size: int
    hops: tuple["Hop", ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received line (RFC 5321 4.4): who took the message, how, and when."""

    by: str
    protocol: str | None
    at: datetime | None
    delay: timedelta | None
    """Since the hop before; None where either time is unknown. Foreign clocks: never below 0."""


class Kind(StrEnum):
    """Whose a message is."""

    OURS = "ours"
    OTHER_INSTANCE = "other_instance"
    FORGED = "forged"
    FOREIGN = "foreign"


def recognise(letter: Letter, keys: Iterable[TagKey], *, instance: str) -> tuple[Kind, Tag | None]:
    """Tell whose a message is; the tag is returned only where it was proved to be ours.

    A message is judged by all the tags it carries: tags that disagree prove forgery. A bounce or an answer
    that quotes one of our messages is somebody else's message.
    """
    in_header = tag.written_in_header(letter.header)
    in_body = tag.written_in_body(letter.body)
    if not in_header and (not in_body or _QUOTES_OTHERS.search(letter.header)):
        return Kind.FOREIGN, None
    if len(in_header | in_body) > 1:
        return Kind.FORGED, None
    try:
        trust, found = tag.verify((in_header | in_body).pop(), keys, instance=instance)
    except ValueError:
        return Kind.FORGED, None
    return (Kind.OURS, found) if trust is Trust.GENUINE else (Kind(trust.value), None)


_QUOTES_OTHERS = re.compile(
    rb"^(?:return-path:\s*<>|auto-submitted:\s*auto-replied|content-type:\s*multipart/report"
    rb"|in-reply-to:|references:|subject:\s*(?:re|aw|sv|antw|fw|fwd|wg|tr|rv)(?:\[\d+\])?\s?:)",
    re.IGNORECASE | re.MULTILINE,
)
"""Bounces (RFC 3464 2, RFC 5321 4.5.5), automatic answers (RFC 3834 5), replies (RFC 5322 3.6.4), and what somebody
forwarded: programs write no field for that which they agree on, but a word in front of the subject."""
