"""The API: what is known of pools and probes, in JSON."""

from collections.abc import Collection, Mapping

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from probe.model.outcome import Outcome
from probe.ports import LONGEST_PAGE, ChangeQuery, Query
from probe.web.answers import Json, trouble
from probe.web.sources import Sources
from probe.web.views import changes_view, life_view, mailboxes_view, page_view, pools_view

USUAL_PAGE = 100


def api_routes(sources: Sources) -> list[Route]:
    """Return the endpoints below /api/v1."""

    async def pools(request: Request) -> Response:
        try:
            wanted = given(request.query_params, ("pool", "member"))
        except ValueError as error:
            return trouble(str(error), 400)
        view = pools_view(sources.board(), now=sources.now(), pool=wanted.get("pool"), member=wanted.get("member"))
        return Json(view) if view["pools"] else trouble("there is no such pool or member", 404)

    async def mailboxes(_: Request) -> Response:
        return Json(mailboxes_view(sources.board()))

    async def probes(request: Request) -> Response:
        try:
            return Json(page_view(await sources.history.probes(query(request.query_params))))
        except ValueError as error:
            return trouble(str(error), 400)

    async def probe(request: Request) -> Response:
        life = await sources.history.life(request.path_params["id"])
        return Json(life_view(life)) if life else trouble("there is no such probe", 404)

    async def verdicts(request: Request) -> Response:
        try:
            return Json(changes_view(await sources.history.changes(change_query(request.query_params))))
        except ValueError as error:
            return trouble(str(error), 400)

    return [
        Route("/api/v1/pools", pools),
        Route("/api/v1/mailboxes", mailboxes),
        Route("/api/v1/probes", probes),
        Route("/api/v1/probes/{id}", probe),
        Route("/api/v1/verdicts", verdicts),
    ]


def query(parameters: QueryParams) -> Query:
    """Read which probes are asked for; raises ValueError with a sentence for what cannot be meant."""
    wanted = given(parameters, _PARAMETERS)
    return Query(
        pool=wanted.get("pool"),
        member=wanted.get("member"),
        route=wanted.get("route"),
        outcome=_outcome(wanted["outcome"]) if "outcome" in wanted else None,
        limit=_limit(wanted["limit"]) if "limit" in wanted else USUAL_PAGE,
        before=wanted.get("next"),
    )


def given(parameters: QueryParams, known: Collection[str]) -> Mapping[str, str]:
    """Return the parameters that are not empty; raises ValueError with a sentence for those that nobody knows."""
    if unknown := sorted(set(parameters) - set(known)):
        raise ValueError(f"{unknown[0][:_LONGEST]!a} is no parameter; there are {', '.join(known)}")
    if len(parameters.multi_items()) > len(parameters):
        raise ValueError("a parameter is given twice")
    wanted = {name: value for name, value in parameters.items() if value}
    if not all(value.isprintable() and len(value) <= _LONGEST for value in wanted.values()):
        raise ValueError(f"a parameter is longer than {_LONGEST} characters, or holds some that cannot be printed")
    return wanted


def change_query(parameters: QueryParams) -> ChangeQuery:
    """Read which changes of verdicts are asked for; raises ValueError with a sentence for what cannot be meant."""
    wanted = given(parameters, ("pool", "member", "limit", "next"))
    return ChangeQuery(
        pool=wanted.get("pool"),
        member=wanted.get("member"),
        limit=_limit(wanted["limit"]) if "limit" in wanted else USUAL_PAGE,
        before=wanted.get("next"),
    )


_PARAMETERS = ("pool", "member", "route", "outcome", "limit", "next")
_LONGEST = 255


def _outcome(value: str) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        raise ValueError(f"{value!a} is no outcome; there are {', '.join(Outcome)}") from None


def _limit(value: str) -> int:
    if value.isascii() and value.isdigit() and 1 <= int(value) <= LONGEST_PAGE:
        return int(value)
    raise ValueError(f"limit: {value!a} is not a number from 1 to {LONGEST_PAGE}")
