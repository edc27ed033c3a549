"""The event stream: server-sent events, for as long as somebody listens (the HTML standard, 9.2)."""

from collections.abc import AsyncIterator

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from probe.web.answers import trouble
from probe.web.connections import ENDLESS, most_connections
from probe.web.events import Events, Listener, Wanted
from probe.web.sources import Sources

HEARTBEAT_SECONDS = 15.0
SHARE_OF_CONNECTIONS = 4
"""At most one connection in so many is a stream."""
RETRY_SECONDS = 3
"""How soon a listener that lost its connection comes back."""
_BUSY_SECONDS = 30
_MEDIA_TYPE = "text/event-stream"


class EventStream(StreamingResponse):
    """Send what happens until the client goes, or the server does."""

    def __init__(self, events: Events, wanted: Wanted, after: str | None) -> None:
        self._events = events
        self._wanted = wanted
        self._after = after
        super().__init__((), media_type=_MEDIA_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Listen meanwhile, and no longer, however it ends."""
        scope[ENDLESS] = True
        with self._events.listening(self._wanted, after=self._after) as listener:
            self.body_iterator = _frames(listener)
            await super().__call__(scope, receive, send)


def stream_routes(sources: Sources) -> list[Route]:
    """Return the endpoint of the events."""

    async def events(request: Request) -> Response:
        try:
            wanted = _wanted(request.query_params)
        except ValueError as error:
            return trouble(str(error), 400)
        if request.method == "HEAD":
            return Response(media_type=_MEDIA_TYPE)
        if sources.events.is_full(most_connections() // SHARE_OF_CONNECTIONS):
            return trouble("too many listen already", 503, {"Retry-After": str(_BUSY_SECONDS)})
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        return EventStream(sources.events, wanted, after or None)

    return [Route("/api/v1/events", events)]


def _wanted(parameters: QueryParams) -> Wanted:
    if unknown := sorted(set(parameters) - {"pool", "member", "after"}):
        raise ValueError(f"{unknown[0][:255]!a} is no parameter; there are pool, member and after")
    return Wanted(parameters.get("pool") or None, parameters.get("member") or None)


async def _frames(listener: Listener) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_SECONDS * 1000}\n\n".encode()
    while (heard := await listener.heard(HEARTBEAT_SECONDS)) is not None:
        yield heard or b": still here\n\n"
