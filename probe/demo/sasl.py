"""The two password mechanisms, as the server side of SMTP and IMAP hears them."""

import base64
import binascii
from collections.abc import Awaitable, Callable

Ask = Callable[[str], Awaitable[str]]
"""Send a challenge, in base64 and perhaps empty, and return the client's answer, in base64."""


class Cancelled(Exception):
    """The client gave up, or its answer was not base64."""


async def plain(ask: Ask, initial: str | None) -> tuple[str, str]:
    """Return user and password by PLAIN (RFC 4616); raise `Cancelled` when there are none."""
    parts = _decoded(initial if initial else await ask("")).split("\0")
    if len(parts) != 3:
        raise Cancelled("not a PLAIN message")
    return parts[1], parts[2]


async def login(ask: Ask, initial: str | None) -> tuple[str, str]:
    """Return user and password by LOGIN, which has no RFC; raise `Cancelled` when there are none."""
    user = _decoded(initial or await ask(_encoded("Username:")))
    return user, _decoded(await ask(_encoded("Password:")))


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Cancelled("not base64") from error
