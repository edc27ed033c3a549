"""The forms that answers have."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

PIECE = 64 * 1024
"""Octets of an answer that are written at once."""


class InPieces(Response):
    """Write a long body only as fast as the client takes it.

    What is written is kept until then, over TLS as a copy of its own for each client: some slow ones that ask for the
    metrics of 10,000 members would take all memory.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        written = 0
        while len(self.body) - written > PIECE:
            piece = self.body[written : written + PIECE]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            written += PIECE
        await send({"type": "http.response.body", "body": self.body[written:]})


class Json(InPieces, JSONResponse):
    """JSON in pure ASCII, so that nothing from outside can be unencodable or read otherwise than it is."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def sentence(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> PlainTextResponse:
    """Answer with one sentence."""
    return PlainTextResponse(text + "\n", status, headers)


def trouble(text: str, status: int, headers: Mapping[str, str] | None = None) -> Json:
    """Say in JSON what is wrong with a request, or why it cannot be answered."""
    return Json({"error": text}, status, headers)
