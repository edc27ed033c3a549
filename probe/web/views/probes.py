"""Probes: their outcomes, and their lives."""

from collections.abc import Iterable

from probe.model.letter import Hop
from probe.model.probe import Record
from probe.model.reply import Exchange, Reply
from probe.model.stamp import stamp_of
from probe.ports import Life, Page
from probe.web.views.values import Json, moment, seconds


def probe_view(record: Record) -> Json:
    """Return a probe as /api/v1/probes lists it."""
    probe, sending, judgement = record.probe, record.sending, record.judgement
    return {
        "id": probe.id,
        "pool": probe.pool,
        "member": probe.member,
        "route": probe.route,
        "mailbox": probe.mailbox,
        "outcome": judgement.outcome.value if judgement else None,
        "expected": probe.expected.value,
        "stage": sending.stage.value if sending else None,
        "reason": judgement.reason if judgement else sending.reason if sending else None,
        "started": moment(probe.started),
        "accepted": moment(sending.accepted if sending else None),
        "seen": moment(record.arrival.seen if record.arrival else None),
        "finished": moment(record.finished),
        "smtp_seconds": seconds(sending.smtp_time if sending else None),
        "acceptance_seconds": seconds(record.acceptance_time),
        "delivery_seconds": seconds(record.delivery_time),
        "stages": {stage.value: took.total_seconds() for stage, took in sending.stages.items()} if sending else {},
        "reused": sending.reused if sending else False,
        "code": sending.code if sending else None,
        "enhanced_code": sending.enhanced_code if sending else None,
        "attempts": record.attempts,
    }


def life_view(life: Life) -> Json:
    """Return the life of a probe, as /api/v1/probes/ID and `mailflow explain` tell it."""
    arrival = life.record.arrival
    hops = arrival.hops if arrival else ()
    stamped = stamp_of(hops, life.transcripts)
    return probe_view(life.record) | {
        "events": [{"at": moment(event.at), "kind": event.kind, "text": event.text} for event in life.events],
        "transcript": [
            exchange_view(exchange, attempt)
            for attempt, exchanges in enumerate(life.transcripts, start=1)
            for exchange in exchanges
        ],
        "hops": _hops(hops, stamped),
        "stamped_by_member": stamped is not None if hops and life.transcripts else None,
        "authentication": dict(arrival.findings.authentication) if arrival else {},
        "spam_headers": list(arrival.findings.spam) if arrival else [],
        "folder": arrival.place.folder.value if arrival else None,
        "why": why(life.record),
    }


def page_view(page: Page) -> Json:
    """Return a page of probes."""
    return {"probes": [probe_view(record) for record in page.records], "next": page.next}


def why(record: Record) -> str:
    """Say why a probe ended as it did, or what it still waits for."""
    if record.judgement:
        return record.judgement.reason
    if record.next_attempt:
        return f"it is in flight: its next try is due at {moment(record.next_attempt)}"
    if record.sending is None:
        return "it is in flight: no try to send it has come to an end yet"
    return f"it is in flight: it may arrive until {moment(record.probe.deadline)}"


def exchange_view(exchange: Exchange, attempt: int) -> Json:
    """Return a command and its reply, in an attempt of that number."""
    return {
        "attempt": attempt,
        "stage": exchange.stage.value,
        "sent": exchange.sent,
        "reply": _reply(exchange.reply) if exchange.reply else None,
        "at_seconds": exchange.at.total_seconds(),
        "took_seconds": exchange.took.total_seconds(),
        "pipelined": exchange.pipelined,
        "reused": exchange.reused,
    }


def _reply(reply: Reply) -> Json:
    return {"code": reply.code, "enhanced_code": reply.enhanced_code, "lines": list(reply.lines)}


def _hops(hops: Iterable[Hop], stamped: int | None) -> list[Json]:
    return [
        {
            "by": hop.by,
            "from": hop.sender,
            "protocol": hop.protocol,
            "tls": hop.tls,
            "id": hop.id,
            "at": moment(hop.at),
            "delay_seconds": seconds(hop.delay),
            "clock_skew_seconds": seconds(hop.skew),
            "member": number == stamped,
        }
        for number, hop in enumerate(hops)
    ]
