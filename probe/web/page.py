"""A page for people: what load balancers are told now, and where more is to be found."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from probe.engine.board import Board
from probe.engine.figures import MailboxFigures
from probe.model.setbacks import summary
from probe.model.tls_findings import Finding
from probe.net.text import printable
from probe.web.sources import Sources
from probe.web.views import moment


def page_routes(sources: Sources) -> list[Route]:
    """Return the page and its style sheet."""
    style = (files("probe.web") / "style.css").read_bytes()

    async def index(_: Request) -> Response:
        return HTMLResponse(page(sources.board()))

    async def style_sheet(_: Request) -> Response:
        return Response(style, media_type="text/css")

    return [Route("/", index), Route("/style.css", style_sheet)]


def page(board: Board) -> str:
    """Write the page as HTML."""
    pools = "".join(_pool(board, pool) for pool in board.settings.pools)
    mailboxes = "".join(_mailbox(name, board.mailbox(name)) for name in board.settings.mailboxes)
    return _PAGE.format(
        instance=escape(board.settings.instance), ledger=_ledger(board), pools=pools, mailboxes=mailboxes
    )


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="30">
<title>{instance}: does mail flow?</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<h1>{instance}</h1>
<nav><a href="/metrics">Metrics</a> <a href="/api/v1/pools">Pools</a> <a href="/api/v1/probes">Probes</a>
<a href="/-/ready">Ready?</a></nav>
</header>
<main>
{ledger}{pools}<section>
<h2>Mailboxes</h2>
<table>
<tr><th>Mailbox<th>State<th>Last read<th>Trouble</tr>
{mailboxes}</table>
</section>
</main>
</body>
</html>
"""


def _ledger(board: Board) -> str:
    trouble = board.ledger_trouble
    return f"<p>Nothing is sent: {escape(printable(trouble))}</p>\n" if trouble is not None else ""


def _pool(board: Board, pool: str) -> str:
    rows = "".join(_members(board, pool)) or '<tr><td colspan="5">No member is known yet.</td></tr>\n'
    return (
        f'<section>\n<h2><a href="/health/{_path(pool)}">{escape(pool)}</a></h2>\n{_notes(board, pool)}<table>\n'
        f"<tr><th>Member<th>Address<th>Verdict<th>Since<th>Why</tr>\n{rows}</table>\n</section>\n"
    )


def _notes(board: Board, pool: str) -> str:
    shared = (_shared_fault(board, pool, route.name) for route in board.settings.routes_of(pool))
    of_tls = [f"TLS: {finding.text}" for finding in board.tls_findings.get(pool, ())]
    return "".join(f"<p>{escape(note)}</p>\n" for note in (board.discovery.get(pool), *shared, *of_tls) if note)


def _shared_fault(board: Board, pool: str, route: str) -> str | None:
    """Say that a route fails: the verdicts do not, because no member is called down for what all share."""
    if not board.has_shared_fault(pool, route):
        return None
    side = board.sides.get((pool, route)) or "look at what they share"
    return f"Route {route}: all members fail alike; {side}"


def _members(board: Board, pool: str) -> Iterator[str]:
    for name, figures in board.members(pool).items():
        verdict = board.verdict(pool, name)
        probes = escape(urlencode({"pool": pool, "member": name}))
        yield (
            f'<tr><td><a href="/health/{_path(pool)}/{_path(name)}">{escape(name)}</a>'
            f'<td><a href="/api/v1/probes?{probes}">{escape(figures.member.endpoint)}</a>'
            f'<td class="{verdict.state}">{verdict.state}'
            f"<td>{moment(verdict.since)}<td>{escape(verdict.reason)}"
            f"{_setbacks(board, pool, name)}{_tls(figures.findings)}</tr>\n"
        )


def _setbacks(board: Board, pool: str, member: str) -> str:
    told = summary(board.setbacks(pool, member))
    return f"<br>Retries: {escape(told)}" if told else ""


def _tls(findings: Sequence[Finding] | None) -> str:
    """Write the findings in short: their words, with the whole sentences where the pointer rests on them."""
    if not findings:
        return ""
    words = ", ".join(dict.fromkeys(finding.word for finding in findings))
    return f'<br><small title="{escape("; ".join(finding.text for finding in findings))}">TLS: {escape(words)}</small>'


def _mailbox(name: str, figures: MailboxFigures) -> str:
    state, shown = ("up", "readable") if figures.up else ("down", "unreadable")
    if not figures.tried:
        state, shown = "unknown", "not tried yet"
    return (
        f'<tr><td>{escape(name)}<td class="{state}">{shown}'
        f"<td>{moment(figures.last_read) or 'never'}<td>{escape('; '.join(_notes_on(figures)))}</tr>\n"
    )


def _notes_on(figures: MailboxFigures) -> Iterator[str]:
    if figures.trouble:
        yield figures.trouble
    if figures.backlog:
        yield f"up to {figures.backlog} older messages are still to be read"
    if figures.spared:
        yield "it holds so much mail of others that nothing is deleted from it"


def _path(name: str) -> str:
    return escape(quote(name, safe=""))
