"""The application: every path that is served, and how trouble is told."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from probe.net.text import printable
from probe.ports import LedgerTrouble
from probe.web.answers import trouble
from probe.web.api import api_routes
from probe.web.guard import Guard
from probe.web.headers import SafeHeaders
from probe.web.health import health_routes
from probe.web.holds import hold_routes
from probe.web.login import Login
from probe.web.page import page_routes
from probe.web.program import program_routes
from probe.web.sources import Sources
from probe.web.spot_checks import spot_check_routes
from probe.web.strangers import NoStrangers
from probe.web.stream import stream_routes


def application(sources: Sources, guard: Guard) -> ASGIApp:
    """Return the application, behind a guard."""
    app = Starlette(
        routes=[
            *health_routes(sources),
            *program_routes(sources),
            *api_routes(sources),
            *hold_routes(sources),
            *stream_routes(sources),
            *page_routes(sources),
            *spot_check_routes(sources),
        ],
        exception_handlers={LedgerTrouble: _ledger_trouble},
    )
    # A redirect is a good answer to HAProxy: a mistyped health path would never go down.
    app.router.redirect_slashes = False
    known = NoStrangers(app, lambda: guard.passwords.needed)
    return SafeHeaders(Login(known, guard, lambda: sources.board().settings.web.protect_health), guard)


async def _ledger_trouble(_: Request, error: Exception) -> Response:
    return trouble(printable(str(error)), 503)
