"""What gets in from nobody: calls that a browser was made to send, two requests in one, bodies without an end."""

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from probe.web.answers import sentence
from probe.web.login import READING

LONGEST_BODY = 64 * 1024
_CLOSE = {"Connection": "close"}


class NoStrangers:
    """Refuse what a foreign page sends to change something, and bodies that are too long or of two lengths."""

    def __init__(self, app: ASGIApp, asks_for_a_login: Callable[[], bool]) -> None:
        self._app = app
        self._asks_for_a_login = asks_for_a_login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        headers = Headers(scope=scope)
        if scope["method"] not in READING and is_foreign(headers, asked_for_a_login=self._asks_for_a_login()):
            await sentence("This cannot be asked for from another site.", 403)(scope, receive, send)
        elif "transfer-encoding" in headers and "content-length" in headers:
            # RFC 9112 6.3: a proxy may take the one and we the other, and see two requests where it saw one.
            await sentence("This has two lengths.", 400, _CLOSE)(scope, receive, send)
        elif _announced(headers) > LONGEST_BODY:
            await sentence("That is too much.", 413, _CLOSE)(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)


def is_foreign(headers: Headers, *, asked_for_a_login: bool) -> bool:
    """Tell whether a browser sends this on behalf of a page that is not ours.

    Fetch Metadata says so, but is sent to https and loopback only; Origin comes with every POST of a browser. A page
    whose name was made to point here (DNS rebinding) passes both: without a login, which a browser never gives to
    another name, only names are taken that nobody else can have.
    """
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return True
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is None:
        return False
    try:
        sender, receiver = urlsplit(origin), urlsplit(f"//{host}")
    except ValueError:
        return True
    if sender.netloc.lower() != receiver.netloc.lower():
        return True
    return not (asked_for_a_login or _is_our_own(receiver.hostname or ""))


def _is_our_own(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower()
    return True


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _bounded(receive: Receive) -> Receive:
    """Return a receiver that ends a body that grows too long, as if the client had gone."""
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return message if received <= LONGEST_BODY else {"type": "http.disconnect"}

    return receive_some
