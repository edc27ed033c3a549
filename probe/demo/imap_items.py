"""What FETCH shows of a message and what SEARCH asks of it: functions of one message."""

import imaplib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from probe.demo.imap_grammar import BadCommand, Value, Word, day, literal, ranges, take, word
from probe.demo.store import Message

SEEN = "\\Seen"
CRITERIA_CAP = 50


@dataclass(frozen=True, slots=True)
class Extent:
    """The numbers that `*` stands for."""

    messages: int
    largest_uid: int


Wanted = Callable[[Message, int], bool]
"""Whether a message, with its sequence number, is one that SEARCH asks for."""

_MACROS = {"FAST": ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]}
_SECTION = re.compile(r"BODY(\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)
_FIELDS = re.compile(r"HEADER\.FIELDS \(([^()]*)\)", re.IGNORECASE)
_FIELD = re.compile(rb"([^:\r\n]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
_ANCIENT = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY.PEEK[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}


def expand(items: list[Word]) -> list[Word]:
    """Return the items with a macro spelt out (RFC 3501 6.4.5)."""
    return [each for item in items for each in _MACROS.get(item.upper(), [item])]


def marks_seen(item: Word) -> bool:
    """Say whether fetching `item` sets the flag that says seen, which a PEEK does not."""
    match = _SECTION.fullmatch(_ANCIENT.get(item.upper(), item))
    return match is not None and match[1] is None


def shown(message: Message, item: Word) -> bytes:
    """Return one item of a FETCH response, its name included; raise `BadCommand` for one not known."""
    match item.upper():
        case "UID":
            return b"UID %d" % message.uid
        case "FLAGS":
            return b"FLAGS (%b)" % " ".join(sorted(message.flags)).encode("latin-1")
        case "RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(message.raw)
        case "INTERNALDATE":
            return b"INTERNALDATE " + imaplib.Time2Internaldate(message.received).encode()
        case ancient if ancient in _ANCIENT:
            return ancient.encode() + b" " + literal(_part(message, _ANCIENT[ancient])[1])
        case _:
            name, octets = _part(message, item)
            return name + b" " + literal(octets)


def search(criteria: list[Value], *, extent: Extent) -> Wanted:
    """Return the question that the criteria ask; all of them must hold. Raise `BadCommand`."""
    if len(criteria) > CRITERIA_CAP:  # every NOT and OR goes one step deeper
        raise BadCommand("too many criteria")
    rest, questions = [*criteria], list[Wanted]()
    while rest:
        questions.append(_question(rest, extent=extent))
    return lambda message, number: all(question(message, number) for question in questions)


def _part(message: Message, item: Word) -> tuple[bytes, bytes]:
    match = _SECTION.fullmatch(item)
    if not match:
        raise BadCommand("item not known")
    octets = _section(message, match[2])
    name = f"BODY[{match[2]}]"
    if match[3] is not None:
        start = int(match[3])
        octets = octets[start : start + int(match[4])]
        name += f"<{start}>"
    return name.encode("latin-1"), octets


def _section(message: Message, section: str) -> bytes:
    if fields := _FIELDS.fullmatch(section):
        wanted = {name.strip('"').lower().encode("latin-1") for name in fields[1].split()}
        lines = (field[0] for field in _FIELD.finditer(message.header) if field[1].strip().lower() in wanted)
        return b"".join(lines) + b"\r\n"
    match section.upper():
        case "":
            return message.raw
        case "HEADER":
            return message.header
        case "TEXT":
            return message.body
        case _:
            raise BadCommand("section not known")


def _question(rest: list[Value], *, extent: Extent) -> Wanted:
    value = take(rest)
    if isinstance(value, list):
        return search(value, extent=extent)
    key = value.upper()
    if key in _FLAG_KEYS:
        flag, there = _FLAG_KEYS[key]
        return lambda message, number: (flag in message.flags) is there
    if key in _DATE_KEYS:
        limit, compare = day(word(take(rest))), _DATE_KEYS[key]
        return lambda message, number: compare(message.received.date(), limit)
    match key:
        case "ALL":
            return lambda message, number: True
        case "NOT":
            inner = _question(rest, extent=extent)
            return lambda message, number: not inner(message, number)
        case "OR":
            one, other = (_question(rest, extent=extent) for _ in range(2))
            return lambda message, number: one(message, number) or other(message, number)
        case "UID":
            uids = ranges(word(take(rest)), largest=extent.largest_uid)
            return lambda message, number: any(message.uid in each for each in uids)
        case "HEADER":
            return _header(word(take(rest)), word(take(rest)))
        case "SUBJECT" | "FROM" | "TO":
            return _header(key, word(take(rest)))
        case _:
            numbers = ranges(key, largest=extent.messages)
            return lambda message, number: any(number in each for each in numbers)


def _header(name: Word, text: Word) -> Wanted:
    field, part = name.lower().encode("latin-1"), text.lower().encode("latin-1")

    def holds(message: Message, number: int) -> bool:
        found = (each for each in _FIELD.finditer(message.header) if each[1].strip().lower() == field)
        return any(part in each[2].replace(b"\r\n", b"").lower() for each in found)

    return holds


_FLAG_KEYS = {
    "SEEN": (SEEN, True),
    "UNSEEN": (SEEN, False),
    "DELETED": ("\\Deleted", True),
    "UNDELETED": ("\\Deleted", False),
    "FLAGGED": ("\\Flagged", True),
    "UNFLAGGED": ("\\Flagged", False),
    "ANSWERED": ("\\Answered", True),
    "UNANSWERED": ("\\Answered", False),
}

_DATE_KEYS: dict[str, Callable[[date, date], bool]] = {
    "SINCE": lambda received, day: received >= day,
    "BEFORE": lambda received, day: received < day,
    "ON": lambda received, day: received == day,
}
