"""What the probe says of itself: metrics, whether it lives and is ready, and loading its config again."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from probe.engine.board import Board
from probe.net.text import printable
from probe.web.answers import InPieces, sentence
from probe.web.sources import Sources


def program_routes(sources: Sources) -> list[Route]:
    """Return /metrics and the endpoints below /-/."""

    async def metrics(request: Request) -> Response:
        accept = (",".join(request.headers.getlist(name)) for name in ("accept", "accept-encoding"))
        body, headers = await sources.scrape(*accept)
        return InPieces(body, headers=headers)

    async def healthy(_: Request) -> Response:
        return sentence("Healthy")

    async def ready(_: Request) -> Response:
        obstacles = list(_obstacles(sources.board()))
        return sentence("\n".join(obstacles), 503) if obstacles else sentence("Ready")

    async def reload(_: Request) -> Response:
        if not sources.board().settings.web.lifecycle:
            return sentence("This is switched off; web.lifecycle: true in the config allows it.", 403)
        errors = await sources.reload()
        return sentence("\n".join(errors), 500) if errors else sentence("Reloaded")

    return [
        Route("/metrics", metrics),
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/-/reload", reload, methods=["POST"]),
    ]


def _obstacles(board: Board) -> Iterator[str]:
    if board.ledger_trouble is not None:
        yield f"Not ready: the ledger does not work ({printable(board.ledger_trouble)})."
    elif not board.restored:
        yield "Not ready: the ledger has not been read yet."
    for name in board.settings.mailboxes:
        if not board.mailbox(name).tried:
            yield f"Not ready: the mailbox {name} has not been tried yet."
