"""The tables of the ledger."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from probe.ledger.columns import Duration, Filled, Moment, Prose, Word
from probe.model.history import Cause
from probe.model.letter import Folder
from probe.model.outcome import Outcome, Stage, State
from probe.model.reply import Ending
from probe.ports import Sighted, Tally

metadata = MetaData()

schema = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

probes = Table(
    "probes",
    metadata,
    Column("id", Prose, primary_key=True),
    Column("instance", Prose, nullable=False),
    Column("pool", Prose, nullable=False),
    Column("member", Prose, nullable=False),
    Column("route", Prose, nullable=False),
    Column("mailbox", Filled, nullable=False),
    Column("bounces", Filled, nullable=False),
    Column("slot", BigInteger, nullable=False),
    Column("endpoint", Prose, nullable=False),
    Column("expected", Word(Outcome), nullable=False),
    Column("started", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("late_until", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt", Moment),
    Column("ending", Word(Ending)),
    Column("stage", Word(Stage)),
    Column("reason", Prose),
    Column("code", Integer),
    Column("enhanced_code", Prose),
    Column("first_byte", Moment),
    Column("accepted", Moment),
    Column("smtp_time", Duration),
    Column("stages", JSON(none_as_null=True)),
    Column("outcome", Word(Outcome)),
    Column("why", Prose),
    Column("finished", Moment),
    Column("body_digest", Prose),
    Column("origin", Prose),
    Column("origin_at", Moment),
    # The order in which probes were closed, whatever the clocks of those say that closed them.
    Column("closing", BigInteger),
    # The database, not care, lets one process only send the probe of a turn.
    UniqueConstraint("pool", "route", "member", "slot"),
)
Index(
    "probes_outstanding",
    probes.c.started,
    sqlite_where=probes.c.outcome.is_(None),
    postgresql_where=probes.c.outcome.is_(None),
)
Index("probes_by_age", probes.c.started, probes.c.id)
Index("probes_by_member", probes.c.pool, probes.c.member, probes.c.started, probes.c.id)
Index("probes_by_route", probes.c.route, probes.c.started, probes.c.id)
Index("probes_by_outcome", probes.c.outcome, probes.c.started, probes.c.id)
Index("probes_by_end", probes.c.finished)
Index("probes_by_closing", probes.c.closing)

attempts = Table(
    "attempts",
    metadata,
    Column("probe_id", ForeignKey("probes.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("ended", Moment, nullable=False),
    Column("ending", Word(Ending), nullable=False),
    Column("reason", Prose, nullable=False),
    Column("transcript", JSON, nullable=False),
    PrimaryKeyConstraint("probe_id", "number"),
)

notes = Table(
    "notes",
    metadata,
    Column("probe_id", ForeignKey("probes.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Prose, nullable=False),
    Column("text", Prose, nullable=False),
)
Index("notes_by_probe", notes.c.probe_id)

sightings = Table(
    "sightings",
    metadata,
    Column("probe_id", Prose, nullable=False),
    Column("mailbox", Prose, nullable=False),
    Column("folder", Word(Folder), nullable=False),
    Column("validity", BigInteger, nullable=False),
    Column("uid", Prose, nullable=False),
    Column("seen", Moment, nullable=False),
    Column("internal_date", Moment),
    Column("size", BigInteger, nullable=False),
    Column("hops", JSON, nullable=False),
    # What it says, where it is a report about the message and not the message itself.
    Column("report", JSON(none_as_null=True)),
    Column("sighted", Word(Sighted), nullable=False),
    Column("gone", Moment),
    Column("findings", JSON(none_as_null=True)),
    # RFC 1939 7 lets a server give the UIDL of a deleted message to another: a place alone names no message.
    PrimaryKeyConstraint("probe_id", "mailbox", "folder", "validity", "uid"),
    ForeignKeyConstraint(["probe_id"], ["probes.id"], ondelete="CASCADE"),
)
Index("sightings_by_place", *(sightings.c[name] for name in ("mailbox", "folder", "validity", "uid")))
Index(
    "sightings_not_gone",
    sightings.c.mailbox,
    sightings.c.folder,
    sightings.c.seen,
    sqlite_where=sightings.c.gone.is_(None),
    postgresql_where=sightings.c.gone.is_(None),
)

totals = Table(
    "totals",
    metadata,
    Column("instance", Prose, nullable=False),
    Column("pool", Prose, nullable=False),
    Column("member", Prose, nullable=False),
    Column("route", Prose, nullable=False),
    Column("tally", Word(Tally), nullable=False),
    # Empty where it is not an outcome that is counted: a primary key holds no NULL.
    Column("outcome", Text, nullable=False),
    Column("counted", BigInteger, nullable=False),
    PrimaryKeyConstraint("instance", "pool", "member", "route", "tally", "outcome"),
)

marks = Table(
    "marks",
    metadata,
    # Each instance has its own eyes: what another one has read is not read for this one.
    Column("instance", Prose, nullable=False),
    Column("mailbox", Prose, nullable=False),
    Column("folder", Word(Folder), nullable=False),
    Column("validity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    # Pairs of UIDs below that; NULL stands for none.
    Column("gaps", JSON(none_as_null=True)),
    PrimaryKeyConstraint("instance", "mailbox", "folder"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("pool", Prose, nullable=False),
    Column("member", Prose, nullable=False),
    Column("state", Word(State), nullable=False),
    Column("reason", Prose, nullable=False),
    Column("since", Moment, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("evidence_at", Moment),
    Column("guarded", Boolean, nullable=False),
    PrimaryKeyConstraint("pool", "member"),
)

holds = Table(
    "holds",
    metadata,
    Column("pool", Prose, nullable=False),
    Column("member", Prose, nullable=False),
    Column("state", Word(State), nullable=False),
    Column("why", Prose, nullable=False),
    Column("held_by", Prose, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("released", Moment),
    Column("released_by", Prose),
    PrimaryKeyConstraint("pool", "member"),
)

changes = Table(
    "changes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    # Each instance forms its own verdicts.
    Column("instance", Prose, nullable=False),
    Column("pool", Prose, nullable=False),
    Column("member", Prose, nullable=False),
    Column("at", Moment, nullable=False),
    Column("before", Word(State)),
    Column("after", Word(State), nullable=False),
    Column("cause", Word(Cause), nullable=False),
    Column("reason", Prose, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("guarded", Boolean, nullable=False),
    Column("by_whom", Prose),
    Column("hold_since", Moment),
    Column("in_maintenance", Boolean, nullable=False),
)
Index("changes_by_member", *(changes.c[name] for name in ("instance", "pool", "member", "number")))

notified = Table(
    "notified",
    metadata,
    Column("instance", Prose, nullable=False),
    Column("endpoint", Prose, nullable=False),
    Column("alarms", JSON, nullable=False),
    PrimaryKeyConstraint("instance", "endpoint"),
)

keys = Table(
    "keys",
    metadata,
    Column("name", Prose, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)
