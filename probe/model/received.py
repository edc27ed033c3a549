"""The Received lines of a message (RFC 5321 4.4): the path it took, and how long each hop kept it."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from probe.model.letter import Hop

MOST = 50
"""Lines that are read; more than that is a loop (RFC 5321 6.3)."""

_LONGEST = 4096
_LINE = re.compile(rb"^received:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_BY = re.compile(r"\bby\s+([A-Za-z0-9._:\[\]-]{1,255})")
_WITH = re.compile(r"\bwith\s+([A-Za-z0-9]{1,20})\b")
_ABSURD = timedelta(days=30)


def hops(header: bytes, *, seen: datetime) -> tuple[Hop, ...]:
    """Read the path of a message from its header, oldest hop first.

    The dates are other hosts' clocks: a hop that seems to end before it began took no time, and a date that is
    more than a month off is none.
    """
    lines = [found.decode("ascii", "replace")[:_LONGEST] for found in _LINE.findall(header)[:MOST]]
    return tuple(_chain(reversed(lines), seen))


def _chain(lines: Iterable[str], seen: datetime) -> Iterable[Hop]:
    before: datetime | None = None
    for line in lines:
        route, _, date = line.rpartition(";")
        at = _date(date, seen)
        delay = max(at - before, timedelta(0)) if at and before else None
        by, protocol = _BY.search(route), _WITH.search(route)
        yield Hop(by[1] if by else "", protocol[1].upper() if protocol else None, at, delay)
        before = at or before


def _date(text: str, seen: datetime) -> datetime | None:
    try:
        at = parsedate_to_datetime(text.strip())
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return at if abs(at - seen) <= _ABSURD else None
