"""The status page, written piece by piece: with 1,000 members nobody waits for it, and it makes nobody wait."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import islice

from probe.engine.board import Board
from probe.engine.strips import STRIP
from probe.model.outcome import Outcome
from probe.web.page.document import END, beginning
from probe.web.page.markup import text
from probe.web.page.overview import asides, mailboxes, overview
from probe.web.page.rows import NOBODY, POOL_END, group, pool_head, pool_rows

DRAWN = 50
"""Members of a pool whose strips are in the page from the start: more than fit on a screen."""
_ROWS_AT_ONCE = 10
"""Less than a millisecond of work: load balancers are answered in between."""


async def status_page(board: Board, *, now: datetime, last_event: str) -> AsyncIterator[str]:
    """Write the page; the script goes on from ``last_event``, the newest one that the page may show."""
    instance = text(board.settings.instance)
    yield beginning(f"{instance}: does mail flow?", f"{instance} <small>does mail flow?</small>", head=_HEAD)
    known = f'data-last-event="{text(last_event)}" data-strip="{STRIP}" data-now="{now:%Y-%m-%dT%H:%M:%SZ}"'
    yield f'<main id="main" {known}>\n{overview(board, now)}{_TOOLS}'
    for pool in board.settings.pools:
        yield pool_head(board.settings.pools[pool])
        if not board.members(pool):
            yield NOBODY
        rows = pool_rows(board, pool, now, drawn=DRAWN)
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            yield group(some)
            await asyncio.sleep(0)
        yield POOL_END
    yield mailboxes(board, now) + END


def parts(board: Board, now: datetime) -> str:
    """Write the parts of the page that change as a whole."""
    return overview(board, now) + asides(board) + mailboxes(board, now)


_MODULES = ("fetching", "filter", "keys", "later", "rows", "strips", "words")
"""What page.js imports: named in the page, so that nothing is waited for one after the other."""
_PRELOADS = "".join(f'<link rel="modulepreload" href="/assets/{module}.js">\n' for module in _MODULES)
_HEAD = f"""\
<noscript><meta http-equiv="refresh" content="30"></noscript>
<script type="module" src="/assets/page.js"></script>
{_PRELOADS}"""

_LEGEND = "".join(f'<li><span class="box {outcome}"></span> {outcome}</li>' for outcome in Outcome)

_TOOLS = f"""\
<div id="tools" role="search" aria-label="Members" hidden>
<label>Find <input id="find" type="search" autocomplete="off" spellcheck="false"></label>
<label><input id="trouble" type="checkbox"> only those in trouble</label>
<span id="shown"></span>
<span id="live">not live</span>
</div>
<details class="legend"><summary>What the boxes mean</summary>
<p>One box is one probe; it leads to everything that is known of it. Low and green: it ended as its route expects.
High and red: it did not. Dashed: nobody can tell. The line above the boxes is how long each message took.</p>
<ul>{_LEGEND}</ul></details>
<div id="announcements" class="for-ears" aria-live="polite"></div>
"""
