"""The plain text of a message, taken out of its MIME wrapping (RFC 2045) under caps: broken wrapping never raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import islice

MOST_PARTS = 50
DEEPEST = 10
"""Multiparts in one another that are looked into; what lies deeper is a part of unknown kind."""

_LONGEST_FIELD = 1000
_FIELDS = {
    name: re.compile(rb"^%s:(.*(?:\r?\n[ \t].*)*)" % name.encode(), re.IGNORECASE | re.MULTILINE)
    for name in ("Content-Type", "Content-Transfer-Encoding")
}
_END_OF_HEADER = re.compile(rb"\A\r?\n|\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What a message says in plain text, and what it carries beside that."""

    text: bytes
    """The first part that is plain text, without its transfer encoding; empty where there is none."""
    others: tuple[str, ...] = ()
    """The kinds of all other parts, as their sender wrote them."""


def unwrap(header: bytes, body: bytes) -> Unwrapped:
    """Take the text out of a message, whatever encoded, wrapped or extended it on its way."""
    leaves = list(islice(_leaves(_entity(header), body, DEEPEST), MOST_PARTS))
    text = next((leaf for leaf in leaves if leaf.get_content_type() == "text/plain"), None)
    others = tuple(leaf.get_content_type() for leaf in leaves if leaf is not text)
    return Unwrapped(b"" if text is None else _decoded(text), others)


def _leaves(entity: Message, body: bytes, deepest: int) -> Iterator[Message]:
    boundary = _boundary(entity) if entity.get_content_maintype() == "multipart" else ""
    if not boundary or not deepest:
        entity.set_payload(body.decode("ascii", "surrogateescape"))
        yield entity
        return
    for part in _parts(body, boundary.encode("ascii", "replace")):
        end = _END_OF_HEADER.search(part)
        head, rest = (part[: end.start()], part[end.end() :]) if end else (part, b"")
        yield from _leaves(_entity(head), rest, deepest - 1)


def _boundary(multipart: Message) -> str:
    try:
        return multipart.get_boundary("")
    except (ValueError, TypeError):
        # RFC 2231: in pieces some of which bear no number, or in a charset by which nothing can be read ("undefined").
        return ""


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Cut a multipart into its parts (RFC 2046 5.1); one that lacks its end reaches as far as there is anything."""
    delimiter = re.compile(rb"(?:\A|\n)--%s(--)?[ \t]*(?:\r?\n|\Z)" % re.escape(boundary))
    start: int | None = None
    for found in islice(delimiter.finditer(body), MOST_PARTS):
        if start is not None:
            yield body[start : found.start()]
        if found[1]:
            return
        # A line end that closes one delimiter may open the next.
        start = found.end()
    if start is not None:
        yield body[start:]


def _entity(head: bytes) -> Message:
    """Return what a header says of its content: two fields, cut, for the standard library is slow on long ones."""
    entity = Message()
    for name, field in _FIELDS.items():
        if found := field.search(head):
            entity[name] = " ".join(found[1][:_LONGEST_FIELD].decode("ascii", "replace").split())
    return entity


def _decoded(leaf: Message) -> bytes:
    try:
        payload = leaf.get_payload(decode=True)
    except (ValueError, TypeError):  # Newer Pythons look at its charset, too.
        return b""
    return payload if isinstance(payload, bytes) else b""
