"""The version of the schema: made, brought forward, or refused when it is newer than this program."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, inspect, select, text, update

from probe.ledger.schema import changes, holds, metadata, notes, notified, schema
from probe.ports import LedgerTrouble

Migration = Callable[[Connection], None]


def _gaps_in_marks(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE marks ADD COLUMN gaps JSON"))


def _bounces_and_reports(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE probes ADD COLUMN bounces TEXT NOT NULL DEFAULT ''"))
    connection.execute(text("UPDATE probes SET bounces = mailbox"))
    connection.execute(text("ALTER TABLE sightings ADD COLUMN report JSON"))


def _digests_and_findings(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE probes ADD COLUMN body_digest TEXT"))
    connection.execute(text("ALTER TABLE sightings ADD COLUMN findings JSON"))


def _origins(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE probes ADD COLUMN origin TEXT"))
    connection.execute(text("ALTER TABLE probes ADD COLUMN origin_at BIGINT"))


def _holds_and_changes(connection: Connection) -> None:
    holds.create(connection)
    changes.create(connection)


def _closings(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE probes ADD COLUMN closing BIGINT"))
    connection.execute(text("CREATE INDEX probes_by_closing ON probes (closing)"))


MIGRATIONS: Sequence[Migration] = (
    _gaps_in_marks,
    _bounces_and_reports,
    notes.create,
    _digests_and_findings,
    _origins,
    _holds_and_changes,
    notified.create,
    _closings,
)
"""What leads from version 1 to 2, from 2 to 3, ...; ``schema.py`` always shows the newest."""


def prepare(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the tables to the newest version, all or nothing. Raises LedgerTrouble for one that is newer."""
    newest = 1 + len(migrations)
    found = _version(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(schema).values(version=newest))
        return
    if found > newest:
        raise LedgerTrouble(
            f"the ledger has schema version {found} and this program knows up to {newest}; use the newer program"
        )
    if found == newest:
        return  # nothing is written: who only reads must be able to on a full disk
    for migrate in migrations[found - 1 :]:
        migrate(connection)
    connection.execute(update(schema).values(version=newest))


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema.name):
        return None
    version: int = connection.execute(select(schema.c.version)).scalar_one()
    return version
