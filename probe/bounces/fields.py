"""The fields of a report: what a server wrote, made safe to show."""

import re
from email.message import Message

from probe.model.report import LONGEST
from probe.net.text import printable

_TYPE = re.compile(r"\A\s*[A-Za-z][A-Za-z0-9-]{0,40}\s*;")
"""What kind of name or code follows (RFC 3464 2.1.2): ``dns;``, ``smtp;``."""


def named(block: Message, name: str) -> str:
    """Return a field as text, empty where there is none."""
    return str(block.get(name, ""))


def untyped(block: Message, name: str) -> str:
    """Return a field without the type in front, safe to show."""
    return clean(_TYPE.sub("", named(block, name)))


def clean(text: str) -> str:
    """Return text on one line, escaped and cut."""
    return printable(" ".join(text[: 4 * LONGEST].split()), LONGEST)
