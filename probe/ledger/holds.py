"""Holds: what operators say of members, for all that share the ledger."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update

from probe.ledger.engine import insert
from probe.ledger.schema import holds
from probe.model.hold import Hold
from probe.model.settings import MemberKey


def all_holds(connection: Connection) -> Mapping[MemberKey, Hold]:
    """Return the last hold on each member."""
    return {
        (row.pool, row.member): Hold(
            row.state, row.why, row.held_by, row.since, row.until, row.released, row.released_by
        )
        for row in connection.execute(select(holds))
    }


def set_hold(connection: Connection, pool: str, member: str, hold: Hold) -> None:
    """Remember a hold, in place of the one before."""
    changed = {
        "state": hold.state,
        "why": hold.why,
        "held_by": hold.by,
        "since": hold.since,
        "until": hold.until,
        "released": hold.released,
        "released_by": hold.released_by,
    }
    statement = insert(connection.dialect.name, holds).values(pool=pool, member=member, **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=list(holds.primary_key), set_=changed))


def release(connection: Connection, pool: str, member: str, *, by: str, at: datetime) -> Hold | None:
    """End the hold on a member, if one lasts."""
    lasting = holds.c.pool == pool, holds.c.member == member, holds.c.released.is_(None), holds.c.until > at
    ended = connection.execute(update(holds).where(*lasting).values(released=at, released_by=by))
    return all_holds(connection)[pool, member] if ended.rowcount else None


def prune(connection: Connection, *, ended_before: datetime) -> None:
    """Forget holds that ended before then."""
    connection.execute(delete(holds).where(or_(holds.c.until < ended_before, holds.c.released < ended_before)))
