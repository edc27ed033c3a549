"""The life of a probe in the ledger: claimed, tried, closed, and at last forgotten."""

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, delete, func, select, update
from sqlalchemy import insert as plain_insert

from probe.ledger.books import Counts, entry
from probe.ledger.engine import insert
from probe.ledger.rows import NOTHING_SENT, find, probe_columns, sending_columns, transcript_document
from probe.ledger.schema import attempts, notes, probes
from probe.model.abridging import LAST_ATTEMPTS, abridged, is_kept
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Probe, Record
from probe.model.reply import Attempt
from probe.ports import Event, LedgerTrouble, Tally

PRUNED_AT_ONCE = 500
"""How many probes are forgotten in one transaction, so that no claim waits long behind it."""


def claim(connection: Connection, counts: Counts, probe: Probe) -> bool:
    """Write a probe down, if its turn is not taken."""
    if connection.execute(_claiming(connection.dialect.name), probe_columns(probe)).rowcount == 0:
        return False
    counts[entry(probe, Tally.STARTED)] += 1
    return True


@cache
def _claiming(dialect: str) -> Insert:
    return insert(dialect, probes).on_conflict_do_nothing()


def begin_retry(connection: Connection, probe_id: str) -> bool:
    """Take the retry of an open probe, if there is one; what came of the attempt before is forgotten."""
    waiting = _OF_OPEN_PROBE.where(probes.c.next_attempt.is_not(None))
    return connection.execute(waiting, {"of_probe": probe_id, "next_attempt": None, **NOTHING_SENT}).rowcount == 1


def leave_out_retry(connection: Connection, probe_id: str, why: Event) -> bool:
    """Take the retry of an open probe away, if there is one; what came of the attempt before decides."""
    waiting = _OF_OPEN_PROBE.where(probes.c.next_attempt.is_not(None))
    if connection.execute(waiting, {"of_probe": probe_id, "next_attempt": None}).rowcount == 0:
        return False
    note(connection, probe_id, why)
    return True


def note(connection: Connection, probe_id: str, event: Event) -> None:
    """Add a line to the life of a probe that goes on."""
    record = find(connection, probe_id)
    if record and record.judgement is None:
        line = {"probe_id": probe_id, "at": event.at, "kind": event.kind, "text": event.text}
        connection.execute(_NEW_NOTE, line)


def record_attempt(
    connection: Connection, counts: Counts, probe_id: str, attempt: Attempt, *, next_attempt: datetime | None
) -> None:
    """Write down what an attempt came to."""
    record = find(connection, probe_id)
    if record is None:
        raise LedgerTrouble(f"there is no probe {probe_id} to record an attempt of")
    number = record.attempts + 1
    changed = {"attempts": number, "next_attempt": next_attempt, **sending_columns(attempt)}
    connection.execute(_OF_PROBE, {"of_probe": probe_id, **changed})
    connection.execute(
        _NEW_ATTEMPT,
        {
            "probe_id": probe_id,
            "number": number,
            "ended": _ended(attempt),
            "ending": attempt.ending,
            "reason": attempt.reason,
            "transcript": transcript_document(abridged(attempt.transcript)),
        },
    )
    if not is_kept(number - LAST_ATTEMPTS, attempts=number):
        connection.execute(_WITHOUT_TRANSCRIPT, {"of_probe": probe_id, "of_number": number - LAST_ATTEMPTS})
    if number > 1:
        counts[entry(record.probe, Tally.RETRY)] += 1


def close(
    connection: Connection, counts: Counts, probe_id: str, judgement: Judgement, *, at: datetime
) -> Record | None:
    """Give a probe its outcome, if it has none."""
    ended = {"outcome": judgement.outcome, "why": judgement.reason, "finished": at, "next_attempt": None}
    if connection.execute(_CLOSING, {"of_probe": probe_id, **ended}).rowcount == 0:
        return None
    record = find(connection, probe_id)
    assert record is not None
    counts[entry(record.probe, Tally.OUTCOME, outcome=judgement.outcome)] += 1
    if judgement.outcome not in {record.probe.expected, Outcome.UNKNOWN}:
        counts[entry(record.probe, Tally.FAILED)] += 1
    return record


def prune(connection: Connection, *, finished_before: datetime, now: datetime) -> int:
    """Forget the next few probes that ended before then and cannot arrive any more; return how many."""
    old = (
        select(probes.c.id)
        .where(probes.c.finished < finished_before, probes.c.late_until < now)
        .order_by(probes.c.finished)
        .limit(PRUNED_AT_ONCE)
    )
    return connection.execute(delete(probes).where(probes.c.id.in_(old))).rowcount


_NEW_NOTE, _NEW_ATTEMPT = plain_insert(notes), plain_insert(attempts)
_WITHOUT_TRANSCRIPT = (
    update(attempts)
    .where(attempts.c.probe_id == bindparam("of_probe"), attempts.c.number == bindparam("of_number"))
    .values(transcript=[])
)
_OF_PROBE = update(probes).where(probes.c.id == bindparam("of_probe"))
_OF_OPEN_PROBE = _OF_PROBE.where(probes.c.outcome.is_(None))
_closed = probes.alias("closed")
_CLOSING = _OF_OPEN_PROBE.values(closing=select(func.coalesce(func.max(_closed.c.closing), 0) + 1).scalar_subquery())


def _ended(attempt: Attempt) -> datetime:
    last = attempt.transcript[-1:]
    return attempt.began + sum((exchange.at + exchange.took for exchange in last), timedelta(0))
