"""The one place that turns records into the JSON that scripts hold on to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from probe.engine.board import Board
from probe.engine.figures import MailboxFigures
from probe.engine.happenings import SharedFault
from probe.model.consensus import Asked, consensus, sentence
from probe.model.culprit import Blame
from probe.model.history import Change
from probe.model.hold import Hold
from probe.model.letter import Hop
from probe.model.message import Envelope
from probe.model.outcome import Outcome
from probe.model.probe import Record
from probe.model.reply import Exchange, Reply
from probe.model.setbacks import Setback
from probe.model.settings import MemberKey
from probe.model.stamp import stamp_of
from probe.model.tls_findings import Finding, TlsFindings
from probe.model.verdict import Verdict
from probe.ports import Changes, Life, Page

Json = dict[str, Any]


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
        "smtp_seconds": _seconds(sending.smtp_time if sending else None),
        "acceptance_seconds": _seconds(record.acceptance_time),
        "delivery_seconds": _seconds(record.delivery_time),
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
            _exchange(exchange, attempt)
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


def pools_view(board: Board, *, now: datetime, pool: str | None = None, member: str | None = None) -> Json:
    """Return all pools with their routes, their members and the verdicts on them; or of these only what is named."""
    return {
        "pools": [
            {
                "name": name,
                "routes": [{"name": each.name, "mailbox": each.mailbox} for each in board.settings.routes_of(name)],
                "members": _members(board, name, now=now, only=member),
                "shared_faults": [_fault(fault, fault.blame) for fault in board.faults_of(name) if fault.blame],
                "findings": findings_view(board.tls_findings.get(name)),
            }
            for name in board.settings.pools
            if pool in (None, name) and (member is None or member in board.members(name))
        ]
    }


def verdict_view(pool: str, member: str, verdict: Verdict, before: Verdict | None) -> Json:
    """Return a new verdict, as /api/v1/events tells it."""
    return {
        "pool": pool,
        "member": member,
        "verdict": verdict.state.value,
        "reason": verdict.reason,
        "since": moment(verdict.since),
        "evidence": list(verdict.evidence),
        "guarded": verdict.guarded,
        "flapping": verdict.flapping,
        **word_view(verdict),
        "before": before.state.value if before else None,
    }


def word_view(verdict: Verdict) -> Json:
    """Return what operators have to do with a verdict."""
    window = verdict.maintenance
    return {
        "hold": hold_view(verdict.hold) if verdict.hold else None,
        "maintenance": {"why": window.why, "since": moment(window.since), "until": moment(window.until)}
        if window
        else None,
    }


def hold_view(hold: Hold) -> Json:
    """Return a hold."""
    return {
        "state": hold.state.value,
        "why": hold.why,
        "by": hold.by,
        "since": moment(hold.since),
        "until": moment(hold.until),
    }


def holds_view(holds: Mapping[MemberKey, Hold]) -> Json:
    """Return all holds, as /api/v1/holds and `mailflow hold` list them."""
    return {"holds": [{"pool": pool, "member": name} | hold_view(hold) for (pool, name), hold in sorted(holds.items())]}


def changes_view(found: Changes) -> Json:
    """Return a page of changes of verdicts, as /api/v1/verdicts and `mailflow history` tell them."""
    return {"changes": [_change(change) for change in found.changes], "next": found.next}


def mailboxes_view(board: Board) -> Json:
    """Return all mailboxes: whether they can be read, what is wrong with them, what lies in them."""
    return {"mailboxes": [_mailbox(name, board.mailbox(name)) for name in board.settings.mailboxes]}


def enquiry_view(
    envelope: Envelope, asked: Sequence[Asked], *, gap: str | None, findings: TlsFindings | None = None
) -> Json:
    """Return what servers say of an address, and what there is to say of their TLS, as `mailflow verify` tells it."""
    return {
        "address": envelope.recipient,
        "sender": envelope.sender,
        "consensus": consensus(asked, gap=gap).value,
        "summary": sentence(envelope.recipient, asked, gap=gap),
        "note": gap,
        "findings": findings_view(findings.domain if findings else None),
        "servers": [
            _asked(each) | {"findings": findings_view(findings.servers.get(each.member.name) if findings else None)}
            for each in asked
        ],
    }


def findings_view(findings: Iterable[Finding] | None) -> list[Json] | None:
    """Return findings on TLS; None where it is not judged."""
    if findings is None:
        return None
    return [{"finding": each.word.value, "source": each.source.value, "text": each.text} for each in findings]


def why(record: Record) -> str:
    """Say why a probe ended as it did, or what it still waits for."""
    if record.judgement:
        return record.judgement.reason
    if record.next_attempt:
        return f"it is in flight: its next try is due at {moment(record.next_attempt)}"
    if record.sending is None:
        return "it is in flight: no try to send it has come to an end yet"
    return f"it is in flight: it may arrive until {moment(record.probe.deadline)}"


def evidence_age_seconds(verdict: Verdict, now: datetime) -> float | None:
    """Return how old the newest evidence of a verdict is; None where there is none."""
    return None if verdict.evidence_at is None else (now - verdict.evidence_at).total_seconds()


def moment(at: datetime | None) -> str | None:
    """Write a moment as RFC 3339 in UTC."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None


def _asked(asked: Asked) -> Json:
    member, attempt, reply = asked.member, asked.attempt, asked.attempt.reply
    return {
        "server": member.name,
        "hostname": member.hostname,
        "address": member.endpoint,
        "preference": member.preference,
        "verdict": asked.answer.value,
        "stage": attempt.stage.value,
        "code": reply.code if reply else None,
        "enhanced_code": reply.enhanced_code if reply else None,
        "text": reply.text if reply else None,
        "reason": attempt.reason,
        "stages": {stage.value: took.total_seconds() for stage, took in attempt.stages.items()},
        "transcript": [_exchange(exchange, 1) for exchange in attempt.transcript],
        "starttls_offered": attempt.tls.offered,
        "tls_version": attempt.tls.version,
        "certificate_expiry": moment(attempt.certificate_expiry),
    }


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _exchange(exchange: Exchange, attempt: int) -> Json:
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
            "delay_seconds": _seconds(hop.delay),
            "clock_skew_seconds": _seconds(hop.skew),
            "member": number == stamped,
        }
        for number, hop in enumerate(hops)
    ]


def _mailbox(name: str, figures: MailboxFigures) -> Json:
    quota = figures.quota
    return {
        "name": name,
        "up": figures.up if figures.tried else None,
        "troubles": [{"kind": trouble.kind.value, "text": trouble.text} for trouble in figures.troubles],
        "last_read": moment(figures.last_read),
        "messages": figures.messages,
        "backlog": figures.backlog,
        "foreign": figures.foreign,
        "forged": figures.forged,
        "deletion_refused": bool(figures.spared),
        "quota": {"resource": quota.resource, "used": quota.used, "limit": quota.limit} if quota else None,
    }


def _members(board: Board, pool: str, *, now: datetime, only: str | None) -> list[Json]:
    return [
        {
            "name": name,
            "address": figures.member.endpoint,
            "verdict": verdict.state.value,
            "reason": verdict.reason,
            "since": moment(verdict.since),
            "evidence": list(verdict.evidence),
            "evidence_age_seconds": evidence_age_seconds(verdict, now),
            "guarded": verdict.guarded,
            "flapping": verdict.flapping,
            "last": [_last(board, pool, name, route.name) for route in board.settings.routes_of(pool)],
            **word_view(verdict),
            "setbacks": [_setback(setback) for setback in board.setbacks(pool, name)],
            "findings": findings_view(figures.findings),
        }
        for name, figures in board.members(pool).items()
        if only in (None, name)
        for verdict in [board.verdict(pool, name)]
    ]


def _last(board: Board, pool: str, member: str, route: str) -> Json:
    """Return what the last finished probe came to."""
    boxes = board.strips.of(pool, member).get(route)
    last = boxes[-1] if boxes else None
    delivered = last is not None and last.outcome is Outcome.DELIVERED
    return {
        "route": route,
        "outcome": last.outcome.value if last else None,
        "as_expected": last.as_expected if last else None,
        "finished": moment(last.finished if last else None),
        "delivery_seconds": _seconds(last.delivery_time if last and delivered else None),
    }


def _fault(fault: SharedFault, blame: Blame) -> Json:
    return {
        "route": fault.route,
        "kind": blame.culprit.value,
        "text": blame.text,
        "failing": fault.shared,
        "since": moment(fault.since),
    }


def _change(change: Change) -> Json:
    return {
        "at": moment(change.at),
        "pool": change.pool,
        "member": change.member,
        "from": change.before.value if change.before else None,
        "to": change.after.value,
        "cause": change.cause.value,
        "reason": change.reason,
        "evidence": list(change.evidence),
        "guarded": change.guarded,
        "by": change.by,
    }


def _setback(setback: Setback) -> Json:
    return {
        "kind": setback.subject.kind.value,
        "sender": setback.subject.sender,
        "recipient": setback.subject.recipient,
        "reason": setback.reason,
        "since": moment(setback.since),
        "failures": setback.failures,
        "next_try": moment(setback.next_try),
    }
