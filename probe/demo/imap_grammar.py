"""The grammar of IMAP commands (RFC 3501 9): octets in, words and lists out; and the way back for strings."""

import re
from dataclasses import dataclass
from datetime import date, datetime

DEPTH_CAP = 10

Word = str
"""An atom, a quoted string or a literal, each octet one character (latin-1)."""
Value = Word | list["Value"]

_SPACE = re.compile(rb" *")
# A section such as BODY.PEEK[HEADER.FIELDS (A B)]<0.100> is one word, blanks and all.
_SECTION = re.compile(rb"BODY(?:\.PEEK)?\[[^\]\r\n]*\](?:<[0-9]{1,10}\.[0-9]{1,10}>)?", re.IGNORECASE)
_ATOM = re.compile(rb"[^\x00-\x20\x7f(){\"]+")
_FLAG = re.compile(r"\\?[A-Za-z0-9$_.-]{1,64}")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\r\n")
_RANGE = re.compile(r"([0-9]{1,10}|\*)(?::([0-9]{1,10}|\*))?")


class BadCommand(Exception):
    """A command that is not IMAP, or not what this server speaks."""


class Refused(Exception):
    """A command that is right and yet cannot be done: the text of a NO."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a client."""

    tag: str
    name: str
    arguments: list[Value]
    by_uid: bool = False


def read_command(octets: bytes) -> Command:
    """Return the command in `octets`, its literals included; raise `BadCommand`."""
    values, end = _values(octets, 0, depth=0)
    if end != len(octets) or len(values) < 2:
        raise BadCommand("a tag and a command are needed")
    tag, name, arguments = word(values[0]), word(values[1]).upper(), values[2:]
    if name == "UID" and arguments:
        return Command(tag, word(arguments[0]).upper(), arguments[1:], by_uid=True)
    return Command(tag, name, arguments)


def take(rest: list[Value], at: int = 0) -> Value:
    """Take the next argument off `rest`, or the one `at` a place; raise `BadCommand` where there is none."""
    if not rest:
        raise BadCommand("an argument is missing")
    return rest.pop(at)


def word(value: Value) -> Word:
    """Return `value` if it is a word; raise `BadCommand` if it is a list."""
    if isinstance(value, list):
        raise BadCommand("a list is not possible here")
    return value


def words(value: Value) -> list[Word]:
    """Return the words of a list, or the one word that stands for a list of one."""
    return [word(each) for each in value] if isinstance(value, list) else [value]


def flags(value: Value) -> frozenset[Word]:
    """Return flags; raise `BadCommand` for what is not one, for they are shown to other sessions."""
    found = words(value)
    if not all(_FLAG.fullmatch(flag) for flag in found):
        raise BadCommand("not a flag")
    return frozenset(found)


def day(text: Word) -> date:
    """Return the day of `1-Nov-2026`; raise `BadCommand`."""
    return _time(text, "%d-%b-%Y").date()


def moment(text: Word) -> datetime:
    """Return the moment of `" 1-Nov-2026 10:00:00 +0000"`; raise `BadCommand`."""
    return _time(text.strip(), "%d-%b-%Y %H:%M:%S %z")


def ranges(text: Word, *, largest: int) -> list[range]:
    """Return the ranges of a sequence set such as `1,4:*`; raise `BadCommand`."""
    found = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if not match:
            raise BadCommand("not a sequence set")
        ends = [largest if end == "*" else int(end) for end in (match[1], match[2] or match[1])]
        found.append(range(min(ends), max(ends) + 1))  # RFC 3501 9: 4:2 means 2:4, and 9:* the last one too
    return found


def quoted(text: str) -> str:
    """Return `text` as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(octets: bytes) -> bytes:
    """Return `octets` as a literal."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def _time(text: Word, form: str) -> datetime:
    try:
        return datetime.strptime(text, form)
    except ValueError as error:
        raise BadCommand("not a date") from error


def _values(octets: bytes, start: int, *, depth: int) -> tuple[list[Value], int]:
    if depth > DEPTH_CAP:
        raise BadCommand("lists too deep")
    values: list[Value] = []
    position = _blank(octets, start)
    while position < len(octets) and octets[position : position + 1] != b")":
        if octets[position : position + 1] == b"(":
            inner, position = _values(octets, position + 1, depth=depth + 1)
            if octets[position : position + 1] != b")":
                raise BadCommand("a list is not closed")
            values.append(inner)
            position += 1
        else:
            text, position = _word(octets, position)
            values.append(text)
        position = _blank(octets, position)
    return values, position


def _word(octets: bytes, start: int) -> tuple[Word, int]:
    if match := _LITERAL.match(octets, start):
        end = match.end() + int(match[1])
        return octets[match.end() : end].decode("latin-1"), end
    if match := _QUOTED.match(octets, start):
        return re.sub(rb"\\(.)", rb"\1", match[1]).decode("latin-1"), match.end()
    for pattern in (_SECTION, _ATOM):
        if match := pattern.match(octets, start):
            return match[0].decode("latin-1"), match.end()
    raise BadCommand("not an atom, a string or a list")


def _blank(octets: bytes, start: int) -> int:
    match = _SPACE.match(octets, start)
    return match.end() if match else start
