"""What an IMAP server answers to FETCH, as values; what is odd or was not asked for is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient.response_parser import parse_fetch_response


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back for one message."""

    number: int
    """Its sequence number, true only until the next command."""
    uid: int
    size: int
    internal_date: datetime | None
    part: bytes
    """The part of the message that was asked for."""


def fetched(answer: list[Any], part: bytes) -> Iterator[Fetched]:
    """Read a FETCH answer for the part of the messages whose name begins so; raises whatever garbage leads to."""
    # Keyed by number and not by UID: FETCH data that nobody asked for carries no UID (RFC 9051 7.5.2).
    for number, items in parse_fetch_response(answer, normalise_times=False, uid_is_key=False).items():
        uid, octets = items.get(b"UID"), _part(items, part)
        if isinstance(uid, int) and octets is not None:
            size = items.get(b"RFC822.SIZE")
            date = _utc(items.get(b"INTERNALDATE"))
            yield Fetched(number, uid, size if isinstance(size, int) else 0, date, octets)


def uids(answer: list[Any]) -> list[int]:
    """Read nothing but the UIDs of a FETCH answer."""
    parsed = parse_fetch_response(answer, normalise_times=False, uid_is_key=False).values()
    return [uid for items in parsed if isinstance(uid := items.get(b"UID"), int)]


def _part(items: Mapping[bytes, object], name: bytes) -> bytes | None:
    # Servers differ in how they write the name back: BODY[HEADER], BODY[HEADER]<0>, BODY[HEADER.FIELDS (...)].
    found = (value for key, value in items.items() if key.startswith(name))
    return next((value for value in found if isinstance(value, bytes)), None)


def _utc(date: object) -> datetime | None:
    try:
        return date.astimezone(UTC) if isinstance(date, datetime) else None
    except (OverflowError, ValueError):
        return None
