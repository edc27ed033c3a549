"""What load balancers are answered: from memory, by the verdict, never by a probe that they start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from probe.engine.board import Board
from probe.model.outcome import State
from probe.web.answers import Json, trouble
from probe.web.sources import Sources
from probe.web.views import evidence_age_seconds, moment, word_view

_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Health:
    """What is said of a member or a pool."""

    healthy: bool
    verdict: State
    body: Mapping[str, Any]


def member_health(board: Board, pool: str, *, member: str, now: datetime) -> Health:
    """Say whether a member may get mail; raises KeyError for one that does not exist."""
    answer = board.answer(pool, member)
    verdict = answer.verdict
    body = {
        "pool": pool,
        "member": member,
        "verdict": verdict.state.value,
        "reason": verdict.reason,
        "since": moment(verdict.since),
        "evidence_age_seconds": evidence_age_seconds(verdict, now),
        "guarded": verdict.guarded,
        "flapping": verdict.flapping,
        **word_view(verdict),
    }
    return Health(answer.in_service, verdict.state, body)


def pool_health(board: Board, pool: str, *, now: datetime) -> Health:
    """Say whether enough members of a pool may get mail; raises KeyError for one that is not configured."""
    members = [member_health(board, pool, member=name, now=now) for name in board.members(pool)]
    healthy = sum(member.healthy for member in members)
    needed = board.settings.health.min_healthy.of(len(members))
    verdict = (State.UP if healthy >= needed else State.DOWN) if members else State.UNKNOWN
    body = {
        "pool": pool,
        "verdict": verdict.value,
        "healthy": healthy,
        "min_healthy": needed,
        "members": [member.body for member in members],
    }
    return Health(healthy >= needed, verdict, body)


def health_routes(sources: Sources) -> list[Route]:
    """Return the endpoints below /health."""

    async def member(request: Request) -> Response:
        pool, name = request.path_params["pool"], request.path_params["member"]
        await sources.begun()
        try:
            return _response(member_health(sources.board(), pool, member=name, now=sources.now()))
        except KeyError:
            return trouble("there is no such member", 404)

    async def pool(request: Request) -> Response:
        await sources.begun()
        try:
            return _response(pool_health(sources.board(), request.path_params["pool"], now=sources.now()))
        except KeyError:
            return trouble("there is no such pool", 404)

    return [
        Route("/health/{pool}/{member}", member, methods=_METHODS),
        Route("/health/{pool}", pool, methods=_METHODS),
    ]


def _response(health: Health) -> Response:
    response = Json(health.body, 200 if health.healthy else 503)
    # Starlette's own headers are in lower case: whoever looks for this one with grep would not find it.
    response.raw_headers.append((b"Mailflow-Verdict", health.verdict.value.encode()))
    return response
