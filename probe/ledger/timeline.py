"""The life of a probe as one list of events, read from what the ledger keeps anyway."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import assert_never

from probe.ledger.rows import AnyRow, sighting
from probe.model.abridging import FIRST_EVENTS, LAST_EVENTS
from probe.model.probe import Record
from probe.model.reply import Ending
from probe.ports import Event, Sighted


def timeline(
    record: Record, attempts: Iterable[AnyRow], sightings: Iterable[AnyRow], notes: Iterable[AnyRow]
) -> Sequence[Event]:
    """Return all events of a probe in the order in which they happened."""
    events = chain(
        _begin(record),
        (Event(row.ended, _kind_of_attempt(record, row.ending), row.reason) for row in attempts),
        (Event(row.at, row.kind, row.text) for row in notes),
        chain.from_iterable(_of_sighting(row) for row in sightings),
        _end(record),
    )
    return _abridged(sorted(events, key=lambda event: event.at))


def _abridged(events: list[Event]) -> list[Event]:
    if len(events) <= FIRST_EVENTS + LAST_EVENTS:
        return events
    beginning, end = events[:FIRST_EVENTS], events[-LAST_EVENTS:]
    left_out = Event(beginning[-1].at, "left out", f"{len(events) - FIRST_EVENTS - LAST_EVENTS} events")
    return [*beginning, left_out, *end]


_KIND_OF_ENDING = {
    Ending.ACCEPTED: "sent",
    Ending.REFUSED: "refused",
    Ending.REFUSED_FOR_NOW: "deferred",
    Ending.UNREACHABLE: "unreachable",
    Ending.NAMELESS: "unreachable",
    Ending.IN_DOUBT: "in doubt",
    Ending.NOT_TRIED: "not tried",
}


def _begin(record: Record) -> Iterator[Event]:
    probe = record.probe
    yield Event(probe.started, "started", f"for {probe.member} at {probe.endpoint}")
    if probe.origin:
        yield Event(probe.origin_at or probe.started, "address", f"{probe.endpoint}, {probe.origin}")


def _kind_of_attempt(record: Record, ending: Ending) -> str:
    if ending is Ending.ACCEPTED and record.probe.only_asks:
        return "accepted"
    return _KIND_OF_ENDING[ending]


def _of_sighting(row: AnyRow) -> Iterator[Event]:
    where = f"{row.folder} of {row.mailbox}, number {row.uid}"
    found = sighting(row)
    yield Event(row.seen, _kind_of_sighting(row.sighted), f"{found.report}; {where}" if found.report else where)
    yield from (Event(row.seen, "path changed", text) for text in found.findings.changes)
    if told := found.findings.authentication:
        yield Event(row.seen, "authentication", ", ".join(f"{method}={result}" for method, result in told))
    yield from (Event(row.seen, "spam filter", text) for text in found.findings.spam)
    yield from (Event(row.seen, "note", text) for text in found.findings.notes)
    if row.gone:
        yield Event(row.gone, "deleted", where)


def _kind_of_sighting(sighted: Sighted) -> str:
    match sighted:
        case Sighted.ARRIVAL:
            return "seen"
        case Sighted.LATE:
            return "late"
        case Sighted.AFTER_REFUSAL:
            return "seen after a refusal"
        case Sighted.DUPLICATE:
            return "duplicate"
        case Sighted.BOUNCE:
            return "bounced"
        case Sighted.LATE_BOUNCE:
            return "late bounce"
        case Sighted.REPORT:
            return "report"
        case Sighted.KNOWN | Sighted.NOT_OURS:
            raise ValueError(f"{sighted} is never written down")
        case _:
            assert_never(sighted)


def _end(record: Record) -> Iterator[Event]:
    if record.judgement and record.finished:
        yield Event(record.finished, "outcome", f"{record.judgement.outcome}: {record.judgement.reason}")
