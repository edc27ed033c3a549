"""The forms that answers have."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse


class Json(JSONResponse):
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
