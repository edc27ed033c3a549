"""What is remembered from one start to the next: marks, verdicts, the key of the tags, lines in a probe's life."""

import secrets
from collections.abc import Mapping

from sqlalchemy import Connection, select

from probe.ledger.engine import insert
from probe.ledger.schema import keys, marks, verdicts
from probe.model.letter import Folder
from probe.model.verdict import Verdict
from probe.ports import Mark

KEY_BYTES = 32
_TAG_KEY = "tag"


def mark(connection: Connection, instance: str, mailbox: str, folder: Folder) -> Mark | None:
    """Return how far an instance has read a folder."""
    mine = marks.c.instance == instance, marks.c.mailbox == mailbox, marks.c.folder == folder
    row = connection.execute(select(marks.c.validity, marks.c.uid, marks.c.gaps).where(*mine)).one_or_none()
    return None if row is None else Mark(row.validity, row.uid, tuple((first, last) for first, last in row.gaps or ()))


def set_mark(connection: Connection, instance: str, mailbox: str, folder: Folder, mark: Mark) -> None:
    """Remember how far an instance has read a folder."""
    changed = {"validity": mark.validity, "uid": mark.uid, "gaps": mark.gaps or None}
    statement = insert(connection.dialect.name, marks).values(
        instance=instance, mailbox=mailbox, folder=folder, **changed
    )
    connection.execute(statement.on_conflict_do_update(index_elements=list(marks.primary_key), set_=changed))


def all_verdicts(connection: Connection) -> Mapping[tuple[str, str], Verdict]:
    """Return the last verdict of each pool and member."""
    return {
        (row.pool, row.member): Verdict(
            row.state, row.reason, row.since, tuple(row.evidence), row.evidence_at, row.guarded
        )
        for row in connection.execute(select(verdicts))
    }


def set_verdict(connection: Connection, pool: str, member: str, verdict: Verdict) -> None:
    """Remember a verdict."""
    changed = {
        "state": verdict.state,
        "reason": verdict.reason,
        "since": verdict.since,
        "evidence": list(verdict.evidence),
        "evidence_at": verdict.evidence_at,
        "guarded": verdict.guarded,
    }
    statement = insert(connection.dialect.name, verdicts).values(pool=pool, member=member, **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=list(verdicts.primary_key), set_=changed))


def tag_key(connection: Connection) -> bytes:
    """Return the key of the tags; of those who come first together, one makes it."""
    made = insert(connection.dialect.name, keys).values(name=_TAG_KEY, secret=secrets.token_bytes(KEY_BYTES))
    connection.execute(made.on_conflict_do_nothing())
    key: bytes = connection.execute(select(keys.c.secret).where(keys.c.name == _TAG_KEY)).scalar_one()
    return key
