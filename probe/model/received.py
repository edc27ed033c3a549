"""The Received lines of a message (RFC 5321 4.4): the path it took, how long each hop kept it, whose clock is wrong."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

from probe.model.comments import without_comments
from probe.model.letter import Hop

MOST = 50
"""Lines that are read; more than that is a loop (RFC 5321 6.3)."""
TOLERANCE = timedelta(seconds=2)
"""How far a stamp may lie outside of a message's life: stamps have whole seconds, and good clocks differ a little."""

_LONGEST = 4096
_LONGEST_DATE = 100
_LINE = re.compile(rb"^received:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TLS_IN_COMMENT = re.compile(r"(?:using |version=)TLS", re.IGNORECASE)
_PROTOCOL = re.compile(r"(?:UTF8)?(?:E?SMTP|LMTP)(S?)A?", re.IGNORECASE)
"""RFC 3848, RFC 6531 4.3: an S that stands for TLS, an A that stands for a login."""
_ABSURD = timedelta(days=30)


def hops(header: bytes, *, sent: datetime, seen: datetime) -> tuple[Hop, ...]:
    """Read the path of a message from its header, oldest hop first.

    The dates are other hosts' clocks, ours says when the message was sent and seen: a stamp outside of that comes from
    a clock that is wrong, and is no part of any delay. A hop that seems to end before it began took no time. A date
    that is more than a month off is none.
    """
    lines = [found.decode("ascii", "replace")[:_LONGEST] for found in _LINE.findall(header)[:MOST]]
    return tuple(_chain(reversed(lines), sent, seen))


def clock_notes(path: Sequence[Hop]) -> Iterator[str]:
    """Say in words which clocks along a path are wrong."""
    for hop in path:
        if hop.skew:
            way = "ahead" if hop.skew > timedelta(0) else "behind"
            yield f"the clock of {hop.by or 'a hop'} runs at least {abs(hop.skew).total_seconds():.0f} s {way}"
    for one, other in pairwise(hop for hop in path if hop.at and not hop.skew):
        if one.at and other.at and one.at - other.at > TOLERANCE:
            apart = (one.at - other.at).total_seconds()
            yield f"the clocks of {one.by or 'a hop'} and {other.by or 'the next'} disagree by at least {apart:.0f} s"


def _chain(lines: Iterable[str], sent: datetime, seen: datetime) -> Iterator[Hop]:
    before: datetime | None = None
    for line in lines:
        route, _, date = line.rpartition(";")
        at = _date(date, seen)
        skew = _skew(at, sent, seen) if at else None
        good = None if skew else at
        clauses = _clauses(route)
        protocol = clauses.get("with")
        yield Hop(
            by=clauses.get("by", ""),
            protocol=protocol.upper() if protocol else None,
            at=at,
            delay=max(good - before, timedelta(0)) if good and before else None,
            sender=clauses.get("from"),
            id=clauses.get("id"),
            tls=_tls(protocol, route),
            skew=skew,
        )
        before = good or before


def _clauses(route: str) -> dict[str, str]:
    """Read the clauses of a line, each by its first word; what stands in comments is anybody's prose."""
    words = iter(without_comments(route).split())
    clauses: dict[str, str] = {}
    for word in words:
        clause = word.lower()
        if clause in _CLAUSES and clause not in clauses and (value := _CLAUSES[clause].match(next(words, ""))):
            clauses[clause] = value[0]
    return clauses


_CLAUSES = {"from": _NAME, "by": _NAME, "with": _WORD, "id": _WORD}


def _tls(protocol: str | None, route: str) -> bool | None:
    if _TLS_IN_COMMENT.search(route):
        return True
    known = _PROTOCOL.fullmatch(protocol or "")
    return bool(known[1]) if known else None


def _skew(at: datetime, sent: datetime, seen: datetime) -> timedelta | None:
    """Return by how much a clock is wrong at least; None where nothing is wrong with it."""
    if at - seen > TOLERANCE:
        return at - seen
    return at - sent if sent - at > TOLERANCE else None


def _date(text: str, seen: datetime) -> datetime | None:
    try:
        at = parsedate_to_datetime(text.strip()[:_LONGEST_DATE])
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return at if abs(at - seen) <= _ABSURD else None
