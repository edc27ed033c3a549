"""What a message that was found is to its probe, and where it lies until it is deleted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from probe.ledger.books import Counts, entry
from probe.ledger.rows import PLACE, find, place_columns, sighting_columns
from probe.ledger.rows import sighting as read_sighting
from probe.ledger.schema import probes, sightings
from probe.model.findings import NOTHING_FOUND
from probe.model.letter import Folder, Place, Sighting
from probe.model.outcome import Outcome
from probe.model.probe import Probe, Record
from probe.model.report import Action, Report
from probe.ports import Sighted, Tally

COPIES_TOLD = 10
"""Of how many further copies it is kept what was found out about them."""

_MAY_COME_LATE = frozenset({Outcome.MISSING, Outcome.UNKNOWN})
_COUNTED = {
    Sighted.LATE: Tally.LATE,
    Sighted.DUPLICATE: Tally.DUPLICATE,
    Sighted.LATE_BOUNCE: Tally.LATE_BOUNCE,
}


def sight(
    connection: Connection, counts: Counts, sighting: Sighting, *, rescan: bool, by: str
) -> tuple[Sighted, Record | None]:
    """Write down a message that an instance found, or a report about one."""
    record = find(connection, sighting.probe_id)
    if record is None or sighting.place.mailbox != _mailbox(record.probe, sighting):
        return Sighted.NOT_OURS, None
    if _is_known(connection, sighting) or (rescan and _rebind(connection, sighting)):
        return Sighted.KNOWN, find(connection, sighting.probe_id)
    if sighting.seen > record.probe.late_until:
        return Sighted.NOT_OURS, None
    sighted = _taken_for(record, sighting)
    kept = _without_story(connection, sighting) if sighted is Sighted.DUPLICATE else sighting
    connection.execute(_NEW, {**sighting_columns(kept), "sighted": sighted})
    if sighted in _COUNTED:
        counts[entry(record.probe, _COUNTED[sighted], by=by)] += 1
    if sighting.findings.changes and sighted is not Sighted.DUPLICATE:
        counts[entry(record.probe, Tally.PATH_CHANGED, by=by)] += 1
    return sighted, find(connection, sighting.probe_id)


def removable(
    connection: Connection, mailbox: str, folder: Folder, *, seen_before: datetime, limit: int
) -> Sequence[Sighting]:
    """Return messages of settled probes, and reports about them, that lie in a folder, the oldest first."""
    rows = connection.execute(
        select(sightings)
        .join(probes, probes.c.id == sightings.c.probe_id)
        .where(
            sightings.c.mailbox == mailbox,
            sightings.c.folder == folder,
            sightings.c.seen < seen_before,
            sightings.c.gone.is_(None),
            probes.c.outcome.is_not(None),
        )
        .order_by(sightings.c.seen)
        .limit(limit)
    )
    return [read_sighting(row) for row in rows]


def lying(connection: Connection, mailbox: str, folder: Folder) -> int:
    """Return how many messages that were seen in a folder are not gone."""
    here = sightings.c.mailbox == mailbox, sightings.c.folder == folder, sightings.c.gone.is_(None)
    count: int = connection.execute(select(func.count()).select_from(sightings).where(*here)).scalar_one()
    return count


def removed(connection: Connection, places: Sequence[Place], *, at: datetime) -> None:
    """Remember that messages are gone."""
    if not places:
        return
    connection.execute(_GONE, [{"gone_at": at, **_at(place)} for place in places])


def _without_story(connection: Connection, copy: Sighting) -> Sighting:
    """Leave out the path of a further copy, and of the tenth one on all but where it lies: there may be thousands."""
    copies = select(sightings.c.seen).where(
        sightings.c.probe_id == copy.probe_id, sightings.c.sighted == Sighted.DUPLICATE
    )
    told = len(connection.execute(copies.limit(COPIES_TOLD)).all())
    return replace(copy, hops=(), findings=copy.findings if told < COPIES_TOLD else NOTHING_FOUND)


def _mailbox(probe: Probe, sighting: Sighting) -> str | None:
    return probe.bounces if sighting.report else probe.mailbox


def _taken_for(record: Record, sighting: Sighting) -> Sighted:
    if sighting.report:
        return _report_taken_for(record, sighting.report)
    if record.arrival:
        return Sighted.DUPLICATE
    if record.judgement is None:
        return Sighted.LATE if sighting.seen > record.probe.deadline else Sighted.ARRIVAL
    return Sighted.LATE if record.judgement.outcome in _MAY_COME_LATE else Sighted.AFTER_REFUSAL


def _report_taken_for(record: Record, report: Report) -> Sighted:
    if report.action is not Action.FAILED or record.arrival or record.bounce:
        return Sighted.REPORT
    if record.judgement is None:
        return Sighted.BOUNCE
    return Sighted.LATE_BOUNCE if record.judgement.outcome in _MAY_COME_LATE else Sighted.REPORT


def _is_known(connection: Connection, sighting: Sighting) -> bool:
    here = {"of_probe": sighting.probe_id, **_at(sighting.place)}
    return connection.execute(_SEEN_THERE, here).first() is not None


def _rebind(connection: Connection, sighting: Sighting) -> bool:
    """Take a message for one that was seen before its folder was renumbered."""
    old = connection.execute(
        select(sightings)
        .where(
            sightings.c.probe_id == sighting.probe_id,
            sightings.c.mailbox == sighting.place.mailbox,
            sightings.c.folder == sighting.place.folder,
            sightings.c.validity != sighting.place.validity,
            # With a mailbox that is the probe's and its bounces', both lie in one folder.
            sightings.c.report.is_not(None) if sighting.report else sightings.c.report.is_(None),
        )
        .order_by(sightings.c.gone.is_not(None), sightings.c.seen)
        .limit(1)
    ).first()
    if old is None:
        return False
    # A message whose number is no longer valid was taken for gone; here it lies.
    renumbered: dict[str, Any] = {**place_columns(sighting.place), "gone": None}
    before = {"of_probe": sighting.probe_id, **_at(read_sighting(old).place)}
    connection.execute(update(sightings).where(_OF_PROBE, *_THERE).values(renumbered), before)
    return True


def _at(place: Place) -> dict[str, Any]:
    return {f"at_{name}": value for name, value in place_columns(place).items()}


_OF_PROBE = sightings.c.probe_id == bindparam("of_probe")
_THERE = [sightings.c[name] == bindparam(f"at_{name}") for name in PLACE]
_SEEN_THERE = select(sightings.c.seen).where(_OF_PROBE, *_THERE)
_NEW = insert(sightings)
_GONE = update(sightings).where(*_THERE, sightings.c.gone.is_(None)).values(gone=bindparam("gone_at"))
