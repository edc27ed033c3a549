"""Verdicts: the new ones, what operators have to do with them, and what changed."""

from collections.abc import Mapping
from datetime import datetime

from probe.model.history import Change
from probe.model.hold import Hold
from probe.model.settings import MemberKey
from probe.model.verdict import Verdict
from probe.ports import Changes
from probe.web.views.values import Json, moment


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


def evidence_age_seconds(verdict: Verdict, now: datetime) -> float | None:
    """Return how old the newest evidence of a verdict is; None where there is none."""
    return None if verdict.evidence_at is None else (now - verdict.evidence_at).total_seconds()


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
