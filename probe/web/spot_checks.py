"""What Prometheus asks to have a member checked now: where the targets are, and the check of one of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from probe.engine.board import Board
from probe.engine.sending import Path
from probe.engine.spot_checks import NoTurn
from probe.model.outcome import Outcome
from probe.model.reply import Exchange, Reply
from probe.model.spot_check import SpotCheck, usual_route
from probe.net.text import printable
from probe.web.answers import Json, sentence
from probe.web.api import given
from probe.web.sources import Sources

LONGEST_SECONDS = 120.0
"""How long a check may take where Prometheus does not say how long it waits; never longer."""
LEEWAY_SECONDS = 0.5
"""So much earlier than Prometheus gives up there is an answer."""

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PARAMETERS = ("target", "route", "debug")


def spot_check_routes(sources: Sources) -> list[Route]:
    """Return /probe and /sd."""

    async def probe(request: Request) -> Response:
        try:
            path = asked_path(sources.board(), request.query_params)
            within = time_limit(request.headers.get("x-prometheus-scrape-timeout-seconds"))
        except ValueError as error:
            return sentence(str(error), 400)
        try:
            check = await sources.spot_check(path, within)
        except NoTurn as reason:
            return sentence(f"It was not asked: {reason}.", 503)
        if request.query_params.get("debug") == "true":
            return PlainTextResponse(debug_text(check, sources.spot_check_text(check)))
        if check.outcome is Outcome.UNKNOWN:
            # It proves nothing about the member: a scrape that fails is no probe_success of 0.
            return sentence(f"Nobody can tell: {printable(check.attempt.reason)}", 503)
        return Response(sources.spot_check_text(check), media_type=_TEXT)

    async def discovery(_: Request) -> Response:
        return Json(targets(sources.board()))

    return [Route("/probe", probe, methods=["GET"]), Route("/sd", discovery)]


def targets(board: Board) -> list[dict[str, Any]]:
    """Return every member that can be checked, in the form of Prometheus' HTTP service discovery."""
    return [
        {
            "targets": [f"{pool}/{member}"],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_target": f"{pool}/{member}",
                "pool": pool,
                "member": member,
            },
        }
        for pool in board.settings.pools
        if board.settings.routes_of(pool)
        for member in board.members(pool)
    ]


def asked_path(board: Board, parameters: QueryParams) -> Path:
    """Return which member is to be checked on which route; raises ValueError with a sentence for all else."""
    wanted = given(parameters, _PARAMETERS)
    if not (target := wanted.get("target")):
        raise ValueError("Target parameter is missing; write target=POOL/MEMBER.")
    pool, _, name = target.partition("/")
    if pool not in board.settings.pools or name not in board.members(pool):
        raise ValueError("Unknown target; /sd lists those there are.")
    routes = board.settings.routes_of(pool)
    named = wanted.get("route")
    route = next((each for each in routes if each.name == named), None) if named else usual_route(routes)
    if route is None:
        raise ValueError(
            f"No such route leads to {pool}; there are: {', '.join(each.name for each in routes) or 'none'}."
        )
    return Path(route, board.members(pool)[name].member, board.settings.pools[pool].smtp)


def time_limit(header: str | None) -> timedelta:
    """Return how long a check may take; raises ValueError for a header that is no number of seconds."""
    if not header:
        return timedelta(seconds=LONGEST_SECONDS - LEEWAY_SECONDS)
    try:
        waits = float(header)
    except ValueError:
        waits = math.nan
    if not 0 < waits < math.inf:
        raise ValueError("X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds.")
    waits = min(waits, LONGEST_SECONDS)
    return timedelta(seconds=waits - min(LEEWAY_SECONDS, waits / 2))


def debug_text(check: SpotCheck, metrics: bytes) -> str:
    """Write what was said and what came of it for a person, secrets struck out."""
    transcript = "\n".join(_transcript(check.attempt.transcript)) or "nothing was said"
    return (
        f"Logs for the probe:\n{transcript}\n{check.outcome}: {printable(check.attempt.reason)}\n\n\n"
        f"Metrics that would have been returned:\n{metrics.decode()}\n\n\n"
        "Module configuration:\n" + "\n".join(_configuration(check)) + "\n"
    )


def _transcript(exchanges: Iterable[Exchange]) -> Iterator[str]:
    for exchange in exchanges:
        at = f"{exchange.at.total_seconds():8.3f} s  {exchange.stage:<9}"
        if exchange.sent:
            yield f"{at} C: {printable(exchange.sent)}"
        yield from (f"{at} S: {said}" for said in _said(exchange.reply))


def _said(reply: Reply | None) -> Iterator[str]:
    if reply is None:
        yield "no reply"
        return
    codes = " ".join(filter(None, (str(reply.code), reply.enhanced_code)))
    yield from (f"{codes} {printable(line)}" for line in reply.lines)


def _configuration(check: SpotCheck) -> Iterator[str]:
    yield f"member: {check.member} at {check.member.endpoint}"
    yield f"route: {check.route.name}"
    yield f"from: {check.route.sender or '<>'}"
    yield f"to: {check.route.recipient}"
    for each in fields(check.smtp):
        yield f"smtp.{each.name}: {getattr(check.smtp, each.name)}"
