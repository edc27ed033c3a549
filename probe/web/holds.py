"""Holds over HTTP: listed for everybody; placed and ended only where the config allows it, and by no other site."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from probe.config.fields import duration
from probe.engine.board import Board
from probe.model.hold import LONGEST_BY, LONGEST_WHY, Hold
from probe.model.outcome import State
from probe.net.text import printable
from probe.web.answers import Json, trouble
from probe.web.login import USER
from probe.web.sources import Sources
from probe.web.views import hold_view, holds_view

LARGEST_BODY = 16 * 1024
_KEYS = ("pool", "member", "for", "why", "as", "by")
_LONGEST_NAME = 255


def hold_routes(sources: Sources) -> list[Route]:
    """Return the endpoints of holds."""

    async def lasting(_: Request) -> Response:
        return Json(holds_view(sources.holds().lasting()))

    async def place(request: Request) -> Response:
        board, now = sources.board(), sources.now()
        if refused := _refusal(request, board):
            return refused
        try:
            asked = await _body(request, _KEYS)
            pool, member = _text(asked, "pool"), _text(asked, "member")
            if member not in _members(board, pool):
                return trouble(f"there is no member {printable(member, 80)} in a pool {printable(pool, 80)}", 404)
            hold = hold_for(
                duration(_text(asked, "for")),
                state=_state(asked) or board.verdict(pool, member).state,
                why=_text(asked, "why"),
                by=_who(request, asked),
                now=now,
            )
        except ValueError as error:
            return trouble(str(error), 400)
        await sources.holds().hold(pool, member, hold)
        return Json({"pool": pool, "member": member} | hold_view(hold))

    async def release(request: Request) -> Response:
        if refused := _refusal(request, sources.board()):
            return refused
        pool, member = request.path_params["pool"], request.path_params["member"]
        try:
            asked = await _body(request, ("by",))
        except ValueError as error:
            return trouble(str(error), 400)
        released = await sources.holds().release(pool, member, by=_who(request, asked))
        if released is None:
            return trouble(f"{printable(pool, 80)}/{printable(member, 80)} is under no hold", 404)
        return Json({"pool": pool, "member": member} | hold_view(released))

    return [
        Route("/api/v1/holds", lasting),
        Route("/api/v1/holds", place, methods=["POST"]),
        Route("/api/v1/holds/{pool}/{member}/release", release, methods=["POST"]),
    ]


def hold_for(length: timedelta, *, state: State, why: str, by: str, now: datetime) -> Hold:
    """Return the hold that somebody asks for; raises ValueError with a sentence for one that is too long."""
    shown = printable(why.strip(), LONGEST_WHY + 1)
    return Hold(state, shown, printable(by.strip(), LONGEST_BY), now, now + length)


def _refusal(request: Request, board: Board) -> Response | None:
    if not board.settings.web.lifecycle:
        return trouble("This is switched off; web.lifecycle: true in the config allows it.", 403)
    # A form cannot send this type, and a script of another site may not without our leave (CORS).
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return trouble("write the body in JSON, with Content-Type: application/json", 415)
    return None


async def _body(request: Request, keys: tuple[str, ...]) -> Mapping[str, Any]:
    raw = b""
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > LARGEST_BODY:
                raise ValueError(f"the body is longer than {LARGEST_BODY} bytes")
        body = json.loads(raw or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, ClientDisconnect):
        raise ValueError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise ValueError("the body is not a JSON object")
    if unknown := sorted(body.keys() - set(keys)):
        raise ValueError(f"{printable(unknown[0], 40)} is not a known key; there are {', '.join(keys)}")
    return body


def _text(asked: Mapping[str, Any], key: str) -> str:
    match asked.get(key):
        case None:
            raise ValueError(f"{key} is missing")
        case str(text) if text.strip():
            return text
    raise ValueError(f"{key} is not text")


def _state(asked: Mapping[str, Any]) -> State | None:
    if "as" not in asked:
        return None
    try:
        return State(_text(asked, "as"))
    except ValueError:
        raise ValueError(f"as: {printable(str(asked['as']), 40)} is not a verdict; write up, down or unknown") from None


def _members(board: Board, pool: str) -> Mapping[str, object]:
    return board.members(pool) if pool in board.settings.pools else {}


def _who(request: Request, asked: Mapping[str, Any]) -> str:
    """Return who asks: the name that logged in; else the one that is claimed, which nobody proves."""
    claimed = asked.get("by")
    client = request.client.host if request.client else "somewhere"
    name = request.scope.get(USER) or (claimed if isinstance(claimed, str) and claimed.strip() else None)
    return str(name or f"somebody at {client}")
