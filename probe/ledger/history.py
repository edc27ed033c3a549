"""The history of verdicts, kept within bounds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, insert, select

from probe.ledger.books import Counts
from probe.ledger.schema import changes
from probe.model.history import Cause, Change
from probe.model.outcome import State
from probe.model.settings import MemberKey
from probe.ports import LONGEST_PAGE, ChangeQuery, Changes, Tally

KEPT = 1000
"""Changes per member; about as many more until they are pruned."""

_LARGEST_NUMBER = 2**31 - 1
_MEMBER = changes.c.instance, changes.c.pool, changes.c.member


def note(connection: Connection, counts: Counts, instance: str, change: Change) -> None:
    """Write down a change, and count it if it counts."""
    connection.execute(
        insert(changes).values(
            instance=instance,
            pool=change.pool,
            member=change.member,
            at=change.at,
            before=change.before,
            after=change.after,
            cause=change.cause,
            reason=change.reason,
            evidence=list(change.evidence),
            guarded=change.guarded,
            by_whom=change.by,
            hold_since=change.hold_since,
            in_maintenance=change.in_maintenance,
        )
    )
    if change.counts:
        counts.update([(instance, change.pool, change.member, "", Tally.STATE_CHANGED, None)])


def page(connection: Connection, instance: str, query: ChangeQuery) -> Changes:
    """Return the changes that are asked for, newest first. Raises ValueError for a cursor that is none."""
    limit = min(max(query.limit, 1), LONGEST_PAGE)
    statement = select(changes).where(changes.c.instance == instance).order_by(changes.c.number.desc())
    for column, wanted in ((changes.c.pool, query.pool), (changes.c.member, query.member)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if query.before is not None:
        statement = statement.where(changes.c.number < _read_cursor(query.before))
    rows = connection.execute(statement.limit(limit + 1)).all()
    found = [_change(row) for row in rows[:limit]]
    return Changes(found, str(rows[limit - 1].number) if len(rows) > limit else None)


def last(connection: Connection, instance: str) -> Sequence[Change]:
    """Return the last change of the verdict on each member."""
    newest = select(func.max(changes.c.number)).where(changes.c.instance == instance).group_by(*_MEMBER)
    return [_change(row) for row in connection.execute(select(changes).where(changes.c.number.in_(newest)))]


def turns(connection: Connection, instance: str, *, since: datetime) -> Mapping[MemberKey, Sequence[datetime]]:
    """Return when members were called up that were down, or the other way round, whatever was between; oldest first."""
    wanted = (
        changes.c.instance == instance,
        changes.c.at >= since,
        changes.c.cause.not_in([Cause.HOLD, Cause.RELEASE]),
        changes.c.after != State.UNKNOWN,
        changes.c.guarded.is_(False),  # who is kept up has not come up
    )
    turned: dict[MemberKey, list[datetime]] = defaultdict(list)
    last: dict[MemberKey, State] = {}
    columns = [changes.c[name] for name in ("pool", "member", "at", "before", "after")]
    for row in connection.execute(select(*columns).where(*wanted).order_by(changes.c.number)):
        member = row.pool, row.member
        if last.get(member, row.before) not in {None, State.UNKNOWN, row.after}:
            turned[member].append(row.at)
        last[member] = row.after
    return turned


def prune(connection: Connection, *, before: datetime) -> None:
    """Forget the changes from before then, and of each member those that are too many; never the last one."""
    rank = func.row_number().over(partition_by=_MEMBER, order_by=changes.c.number.desc())
    ranked = select(changes.c.number, changes.c.at, rank.label("rank")).subquery()
    old = (ranked.c.rank > 1) & ((ranked.c.at < before) | (ranked.c.rank > KEPT))
    connection.execute(delete(changes).where(changes.c.number.in_(select(ranked.c.number).where(old))))


def _change(row: Row[tuple[object, ...]]) -> Change:
    return Change(
        at=row.at,
        pool=row.pool,
        member=row.member,
        before=row.before,
        after=row.after,
        cause=row.cause,
        reason=row.reason,
        evidence=tuple(row.evidence),
        guarded=row.guarded,
        by=row.by_whom,
        hold_since=row.hold_since,
        in_maintenance=row.in_maintenance,
    )


def _read_cursor(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise ValueError("this is no cursor of an earlier page")
    return min(int(cursor), _LARGEST_NUMBER)
