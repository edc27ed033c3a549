"""What is counted for ever, and the balance that it has to keep: started = outcomes + in flight."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, Insert, Row, case, func, literal, select, union_all

from probe.ledger.engine import insert
from probe.ledger.schema import probes, totals
from probe.model.outcome import Outcome
from probe.model.probe import Probe
from probe.ports import Tally, Total

Entry = tuple[str, str, str, str, Tally, Outcome | None]
"""Instance, pool, member, route, and what is counted."""
Counts = Counter[Entry]
"""What one transaction counts; posted at its end, so that a group of calls costs one statement."""


def entry(probe: Probe, tally: Tally, *, outcome: Outcome | None = None, by: str | None = None) -> Entry:
    """Return what is counted: for the instance whose probe it is, or for the one ``by`` which it was found."""
    return by or probe.instance, *probe.key, tally, outcome


def post(connection: Connection, counts: Counts) -> None:
    """Add what was counted to the totals, in the transaction of what is counted."""
    if not counts:
        return
    rows = [
        dict(zip(totals.columns.keys(), (*key, tally, outcome or "", count), strict=True))
        for (*key, tally, outcome), count in counts.items()
    ]
    connection.execute(_adding(connection.dialect.name), rows)


@cache
def _adding(dialect: str) -> Insert:
    statement = insert(dialect, totals)
    more = {"counted": totals.c.counted + statement.excluded.counted}
    return statement.on_conflict_do_update(index_elements=list(totals.primary_key), set_=more)


def counted(connection: Connection, instance: str) -> Sequence[Total]:
    """Return what an instance has counted."""
    rows = connection.execute(select(totals).where(totals.c.instance == instance))
    return [_total(row) for row in rows]


def imbalances(connection: Connection) -> Sequence[str]:
    """Return, in words, where started probes are not outcomes and probes in flight; empty when all is well."""
    key = (totals.c.instance, totals.c.pool, totals.c.member, totals.c.route)
    sign = case((totals.c.tally == Tally.STARTED, 1), else_=-1)
    entries = union_all(
        select(*key, (sign * totals.c.counted).label("entry")).where(
            totals.c.tally.in_([Tally.STARTED, Tally.OUTCOME])
        ),
        select(*(probes.c[column.name] for column in key), literal(-1)).where(probes.c.outcome.is_(None)),
    ).subquery()
    sums = entries.c.instance, entries.c.pool, entries.c.member, entries.c.route
    off = func.sum(entries.c.entry)
    rows = connection.execute(select(*sums, off).group_by(*sums).having(off != 0))
    return [f"{instance} {pool}/{member} on {route}: {off:+}" for instance, pool, member, route, off in rows]


def _total(row: Row[tuple[object, ...]]) -> Total:
    outcome = Outcome(row.outcome) if row.outcome else None
    return Total(row.pool, row.member, row.route, row.tally, outcome, row.counted)
