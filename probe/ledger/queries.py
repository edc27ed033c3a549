"""Questions about probes."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from probe.ledger.columns import moment, since_epoch
from probe.ledger.engine import clock_of
from probe.ledger.rows import RECORDS, find, record, transcript
from probe.ledger.schema import attempts, notes, probes, sightings
from probe.ledger.timeline import timeline
from probe.model.probe import Record
from probe.ports import LONGEST_PAGE, Life, Movements, Page, Query

_ASKED_AT_ONCE = 500


def outstanding(connection: Connection) -> Sequence[Record]:
    """Return the probes without an outcome, oldest first."""
    statement = RECORDS.where(probes.c.outcome.is_(None)).order_by(probes.c.started)
    return [record(row) for row in connection.execute(statement)]


def records(connection: Connection, ids: Sequence[str]) -> Sequence[Record]:
    """Return those of these probes that there are, in this order."""
    found: dict[str, Record] = {}
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        rows = connection.execute(RECORDS.where(probes.c.id.in_(ids[start : start + _ASKED_AT_ONCE])))
        found.update((row.id, record(row)) for row in rows)
    return [found[each] for each in ids if each in found]


def movements(connection: Connection, instance: str, *, since: int) -> Movements:
    """Return which probes of other instances are open, and which of any were closed since a closing."""
    newest = last_closing(connection)
    # Where all that was closed was forgotten, closings are counted anew.
    after = since if since <= newest else 0
    of_others = select(probes.c.id).where(probes.c.outcome.is_(None), probes.c.instance != instance)
    closed = select(probes.c.id).where(probes.c.closing > after).order_by(probes.c.closing)
    return Movements(
        connection.execute(of_others).scalars().all(),
        connection.execute(closed).scalars().all(),
        newest,
        clock_of(connection),
    )


def last_closing(connection: Connection) -> int:
    """Return the number of the last closing; 0 before the first."""
    last: int = connection.execute(select(func.coalesce(func.max(probes.c.closing), 0))).scalar_one()
    return last


def page(connection: Connection, query: Query) -> Page:
    """Return the probes that are asked for, newest first. Raises ValueError for a cursor that is none."""
    limit = min(max(query.limit, 1), LONGEST_PAGE)
    statement = RECORDS.order_by(probes.c.started.desc(), probes.c.id.desc()).limit(limit + 1)
    for name in ("pool", "member", "route", "outcome"):
        if (wanted := getattr(query, name)) is not None:
            statement = statement.where(probes.c[name] == wanted)
    if query.before is not None:
        started, probe_id = _read_cursor(query.before)
        same = and_(probes.c.started == started, probes.c.id < probe_id)
        statement = statement.where(probes.c.started <= started, or_(probes.c.started < started, same))
    found = [record(row) for row in connection.execute(statement)]
    more = len(found) > limit
    return Page(found[:limit], _cursor(found[limit - 1]) if more else None)


def recent(connection: Connection, per_member: int, *, since: datetime) -> Sequence[Record]:
    """Return the newest finished probes of each route and member, oldest first."""
    each = (probes.c.pool, probes.c.route, probes.c.member)
    newest_first = (probes.c.finished.desc(), probes.c.started.desc(), probes.c.id)
    ranked = (
        select(probes.c.id, func.row_number().over(partition_by=each, order_by=newest_first).label("rank"))
        .where(probes.c.finished >= since)
        .subquery()
    )
    statement = RECORDS.where(probes.c.id.in_(select(ranked.c.id).where(ranked.c.rank <= per_member))).order_by(
        probes.c.finished, probes.c.started
    )
    return [record(row) for row in connection.execute(statement)]


def life(connection: Connection, probe_id: str) -> Life | None:
    """Return all that is known of a probe."""
    found = find(connection, probe_id)
    if found is None:
        return None
    tried, seen, noted = (
        connection.execute(select(table).where(table.c.probe_id == probe_id).order_by(order)).all()
        for table, order in ((attempts, attempts.c.number), (sightings, sightings.c.seen), (notes, notes.c.at))
    )
    return Life(found, timeline(found, tried, seen, noted), [transcript(row.transcript) for row in tried])


def _cursor(last: Record) -> str:
    text = f"{since_epoch(last.probe.started)} {last.probe.id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    if not (found := _CURSOR.fullmatch(text)):
        raise ValueError("this is no cursor of an earlier page")
    return moment(int(found[1])), found[2]


_CURSOR = re.compile(r"(\d{1,16}) ([!-~]+)", re.ASCII)
