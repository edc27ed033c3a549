"""Pools: their routes, their members, and what is known of each."""

from datetime import datetime

from probe.engine.board import Board
from probe.engine.happenings import SharedFault
from probe.model.culprit import Blame
from probe.model.outcome import Outcome
from probe.model.setbacks import Setback
from probe.web.views.findings import findings_view
from probe.web.views.values import Json, moment, seconds
from probe.web.views.verdicts import evidence_age_seconds, word_view


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
        "delivery_seconds": seconds(last.delivery_time if last and delivered else None),
    }


def _fault(fault: SharedFault, blame: Blame) -> Json:
    return {
        "route": fault.route,
        "kind": blame.culprit.value,
        "text": blame.text,
        "failing": fault.shared,
        "since": moment(fault.since),
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
