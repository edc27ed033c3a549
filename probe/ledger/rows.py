"""Rows of the database as values of the model, and back."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, select

from probe.ledger.columns import duration, microseconds, moment, since_epoch
from probe.ledger.schema import probes, sightings
from probe.model.findings import NOTHING_FOUND, Findings
from probe.model.letter import Hop, Place, Sighting
from probe.model.outcome import Stage
from probe.model.probe import Judgement, Probe, Record, Sending
from probe.model.reply import Attempt, Exchange, Reply
from probe.model.report import Action, Report
from probe.ports import Sighted

_PROBE = tuple(Probe.__dataclass_fields__)
PLACE = ("mailbox", "folder", "validity", "uid")
"""The columns that say where a message lies."""

AnyRow = Row[Any]

_arrivals, _bounces = sightings.alias("arrivals"), sightings.alias("bounces")
_ARRIVALS = (Sighted.ARRIVAL, Sighted.LATE, Sighted.AFTER_REFUSAL)
_BOUNCES = (Sighted.BOUNCE, Sighted.LATE_BOUNCE)

RECORDS: Select[Any] = (
    select(
        *probes.c,
        *(column.label(f"arrival_{column.name}") for column in _arrivals.c),
        *(column.label(f"bounce_{column.name}") for column in _bounces.c),
    )
    .outerjoin(_arrivals, and_(_arrivals.c.probe_id == probes.c.id, _arrivals.c.sighted.in_(_ARRIVALS)))
    .outerjoin(_bounces, and_(_bounces.c.probe_id == probes.c.id, _bounces.c.sighted.in_(_BOUNCES)))
)
"""Whole records: probes, with the first copy that was seen of each, and with its first bounce."""

_RECORD = RECORDS.where(probes.c.id == bindparam("probe_id"))


def find(connection: Connection, probe_id: str) -> Record | None:
    """Return the record of a probe, if there is one."""
    row = connection.execute(_RECORD, {"probe_id": probe_id}).one_or_none()
    return None if row is None else record(row)


def record(row: AnyRow) -> Record:
    """Read a row of ``RECORDS``."""
    return Record(
        probe=Probe(**{name: getattr(row, name) for name in _PROBE}),
        attempts=row.attempts,
        next_attempt=row.next_attempt,
        sending=_sending(row) if row.ending else None,
        arrival=sighting(row, "arrival_") if row.arrival_probe_id else None,
        bounce=sighting(row, "bounce_") if row.bounce_probe_id else None,
        judgement=Judgement(row.outcome, row.why) if row.outcome else None,
        finished=row.finished,
    )


def probe_columns(probe: Probe) -> dict[str, Any]:
    """Return a probe as columns of its row."""
    return {name: getattr(probe, name) for name in _PROBE}


def sending_columns(attempt: Attempt) -> dict[str, Any]:
    """Return what is kept of an attempt in the row of its probe."""
    return {
        "ending": attempt.ending,
        "stage": attempt.stage,
        "reason": attempt.reason,
        "code": attempt.code,
        "enhanced_code": attempt.enhanced_code,
        "first_byte": attempt.first_byte,
        "accepted": attempt.accepted,
        "smtp_time": attempt.smtp_time,
        "stages": {stage.value: microseconds(took) for stage, took in attempt.stages.items()},
    }


NOTHING_SENT: dict[str, None] = dict.fromkeys(
    ("ending", "stage", "reason", "code", "enhanced_code", "first_byte", "accepted", "smtp_time", "stages")
)
"""The row of a probe while an attempt goes on, or after it was cut off."""


def place_columns(place: Place) -> dict[str, Any]:
    """Return a place as columns of its row."""
    return {name: getattr(place, name) for name in PLACE}


def sighting(row: AnyRow, prefix: str = "") -> Sighting:
    """Read a row of ``sightings``, whose columns may carry a prefix."""
    column = row._mapping
    return Sighting(
        probe_id=column[f"{prefix}probe_id"],
        place=Place(**{name: column[prefix + name] for name in PLACE}),
        seen=column[f"{prefix}seen"],
        internal_date=column[f"{prefix}internal_date"],
        size=column[f"{prefix}size"],
        hops=tuple(_hop(hop) for hop in column[f"{prefix}hops"]),
        report=_report(column[f"{prefix}report"]),
        findings=_findings(column[f"{prefix}findings"]),
    )


def sighting_columns(sighting: Sighting) -> dict[str, Any]:
    """Return a sighting as columns of its row."""
    return {
        "probe_id": sighting.probe_id,
        **place_columns(sighting.place),
        "seen": sighting.seen,
        "internal_date": sighting.internal_date,
        "size": sighting.size,
        "hops": [_hop_document(hop) for hop in sighting.hops],
        "report": sighting.report and asdict(sighting.report),
        "findings": _findings_document(sighting.findings),
    }


def _findings(document: dict[str, Any] | None) -> Findings:
    """Read the document of what was found; older sightings have none."""
    if document is None:
        return NOTHING_FOUND
    changes, notes = tuple(document["changes"]), tuple(document["notes"])
    authentication = tuple((method, result) for method, result in document.get("authentication", ()))
    spam = tuple(document.get("spam", ()))
    return Findings(document["altered"], document["misrouted"], changes, notes, authentication, spam)


def transcript(document: Iterable[dict[str, Any]]) -> Sequence[Exchange]:
    """Read the document of a transcript."""
    return tuple(_exchange(entry) for entry in document)


def transcript_document(exchanges: Iterable[Exchange]) -> list[dict[str, Any]]:
    """Return a transcript as a document that JSON can hold."""
    return [
        {
            "stage": exchange.stage.value,
            "sent": exchange.sent,
            "reply": _reply_document(exchange.reply) if exchange.reply else None,
            "at": microseconds(exchange.at),
            "took": microseconds(exchange.took),
            "pipelined": exchange.pipelined,
            "reused": exchange.reused,
        }
        for exchange in exchanges
    ]


def _sending(row: AnyRow) -> Sending:
    return Sending(
        ending=row.ending,
        stage=row.stage,
        reason=row.reason,
        code=row.code,
        enhanced_code=row.enhanced_code,
        first_byte=row.first_byte,
        accepted=row.accepted,
        smtp_time=row.smtp_time,
        stages={Stage(stage): duration(took) for stage, took in row.stages.items()},
    )


def _hop(document: dict[str, Any]) -> Hop:
    at, delay = document["at"], document["delay"]
    return Hop(
        by=document["by"],
        protocol=document["protocol"],
        at=None if at is None else moment(at),
        delay=None if delay is None else duration(delay),
        # Older hops know only the above.
        sender=document.get("sender"),
        id=document.get("id"),
        tls=document.get("tls"),
        skew=None if (skew := document.get("skew")) is None else duration(skew),
    )


def _hop_document(hop: Hop) -> dict[str, Any]:
    return {
        "by": hop.by,
        "protocol": hop.protocol,
        "at": None if hop.at is None else since_epoch(hop.at),
        "delay": None if hop.delay is None else microseconds(hop.delay),
        "sender": hop.sender,
        "id": hop.id,
        "tls": hop.tls,
        "skew": None if hop.skew is None else microseconds(hop.skew),
    }


def _report(document: dict[str, Any] | None) -> Report | None:
    return Report(**{**document, "action": Action(document["action"])}) if document else None


def _findings_document(findings: Findings) -> dict[str, Any] | None:
    return None if findings == NOTHING_FOUND else asdict(findings)


def _exchange(document: dict[str, Any]) -> Exchange:
    reply = document["reply"]
    return Exchange(
        stage=Stage(document["stage"]),
        sent=document["sent"],
        reply=reply and Reply(reply["code"], tuple(reply["lines"]), reply["enhanced_code"]),
        at=duration(document["at"]),
        took=duration(document["took"]),
        pipelined=document.get("pipelined", False),  # older transcripts do not say
        reused=document.get("reused", False),
    )


def _reply_document(reply: Reply) -> dict[str, Any]:
    return {"code": reply.code, "lines": list(reply.lines), "enhanced_code": reply.enhanced_code}
