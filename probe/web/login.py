"""Who may ask for what: basic authentication, and how many requests are answered."""

import base64
import binascii
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from probe.web.answers import sentence
from probe.web.guard import Guard
from probe.web.passwords import TooMany

_OPEN = ("/health/", "/-/")
"""Below these anybody may read: balancers and supervisors rarely have a login."""
USER = "mailflow.user"
"""Where in a request stands who logged in."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Login:
    """Let requests through that may pass."""

    def __init__(self, app: ASGIApp, guard: Guard, protect_health: Callable[[], bool]) -> None:
        self._app = app
        self._guard = guard
        self._protect_health = protect_health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        refused = await self._refusal(scope)
        await (refused or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        is_open = scope["method"] in READING and scope["path"].startswith(_OPEN)
        # Never a limit on health: a balancer would read the answer as "down".
        if not is_open and self._guard.bucket and not self._guard.bucket.take(time.monotonic()):
            return _later("There are more requests than rate_limit allows.")
        passwords = self._guard.passwords
        if not passwords.needed or (is_open and not self._protect_health()):
            return None
        try:
            header = Headers(scope=scope).get("authorization", "")
            login = login_in(header)
            if login and await passwords.right(*login):
                scope[USER] = login[0]
                return None
            if header:  # browsers ask without one first, to hear that a login is needed
                self._guard.refusals.note(login[0] if login else "", _client(scope))
            return _unauthorized()
        except TooMany:
            return _later("More logins than can be checked wait already.")


def login_in(header: str) -> tuple[str, bytes] | None:
    """Return user and password (RFC 7617); None where there are none."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(credentials.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _client(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _unauthorized() -> Response:
    return sentence("This needs a login.", 401, {"WWW-Authenticate": 'Basic realm="mailflow-probe", charset="UTF-8"'})


def _later(text: str) -> Response:
    return sentence(text, 429, {"Retry-After": "1"})
