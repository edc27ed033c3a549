"""Where the pages are, and what they need to be shown."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from probe.net.text import printable
from probe.ports import LedgerTrouble
from probe.web.api import query
from probe.web.page.document import notice
from probe.web.page.listing import listing_page
from probe.web.page.rows import strips_of
from probe.web.page.status import parts, status_page
from probe.web.page.timeline import timeline_page
from probe.web.sources import Sources

_STRIPS_AT_ONCE = 100
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page_routes(sources: Sources) -> list[Route]:
    """Return the pages, and what browsers fetch for them."""
    assets = {
        file.name: (file.read_bytes(), _MEDIA_TYPES[file.name.rpartition(".")[2]])
        for file in (files("probe.web.page") / "assets").iterdir()
    }

    async def status(_: Request) -> Response:
        written = status_page(sources.board(), now=sources.now(), last_event=sources.events.last_id)
        return StreamingResponse(written, media_type="text/html")

    async def status_parts(_: Request) -> Response:
        return HTMLResponse(parts(sources.board(), sources.now()))

    async def strips(request: Request) -> Response:
        pool, members = request.query_params.get("pool", ""), request.query_params.getlist("member")
        try:
            return HTMLResponse(strips_of(sources.board(), pool, members[:_STRIPS_AT_ONCE]))
        except KeyError:
            return HTMLResponse(notice("There is no such pool."), 404)

    async def probes(request: Request) -> Response:
        try:
            wanted = query(request.query_params)
            return HTMLResponse(listing_page(await sources.history.probes(wanted), wanted))
        except ValueError as error:
            return HTMLResponse(notice(str(error)), 400)
        except LedgerTrouble as trouble:
            return HTMLResponse(notice(printable(str(trouble))), 503)

    async def probe(request: Request) -> Response:
        try:
            life = await sources.history.life(request.path_params["id"])
        except LedgerTrouble as trouble:
            return HTMLResponse(notice(printable(str(trouble))), 503)
        return HTMLResponse(timeline_page(life)) if life else HTMLResponse(notice("There is no such probe."), 404)

    async def asset(request: Request) -> Response:
        if found := assets.get(request.path_params["name"]):
            return Response(found[0], media_type=found[1])
        return HTMLResponse(notice("There is no such file."), 404)

    return [
        Route("/", status),
        Route("/parts", status_parts),
        Route("/strips", strips),
        Route("/probes", probes),
        Route("/probes/{id}", probe),
        Route("/assets/{name}", asset),
    ]
