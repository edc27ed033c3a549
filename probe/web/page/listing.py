"""Probes as a list: those of a member, or with one outcome, the newest first."""

from collections.abc import Iterator
from typing import Any

from probe.model.probe import Record
from probe.ports import Page, Query
from probe.web.page.document import END, beginning
from probe.web.page.markup import probe_link, probes_link, short, text
from probe.web.views import why

_COLUMNS = ("Started (UTC)", "Pool", "Member", "Route", "Outcome", "Took", "Why")


def listing_page(page: Page, query: Query) -> str:
    """Write a page of probes."""
    wanted = _wanted(query)
    of = " ".join(text(words) for words in wanted.values())
    columns = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    rows = "".join(_row(record) for record in page.records) or '<tr><td colspan="7">There is none.</td></tr>\n'
    return (
        f'{beginning(f"Probes {of}", f"Probes <small>{of}</small>")}<main id="main">\n'
        f'<div class="wide"><table class="probes"><thead><tr>{columns}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>\n{''.join(_onward(page, wanted))}{END}"
    )


def outcome_word(record: Record) -> str:
    """Write how a probe ended, and whether that is as it should be."""
    if record.judgement is None:
        return '<strong class="unknown">in flight</strong>'
    return f'<strong class="{_fared(record)}">{record.judgement.outcome}</strong>'


def _fared(record: Record) -> str:
    if record.succeeded:
        return "up"
    return "unknown" if record.judgement and record.judgement.outcome == "unknown" else "down"


def _row(record: Record) -> str:
    probe, took = record.probe, record.delivery_time
    return (
        f'<tr><th scope="row"><a href="{probe_link(probe.id)}">{probe.started:%Y-%m-%d %H:%M:%S}</a></th>'
        f"<td>{text(probe.pool)}</td><td>{text(probe.member)}</td><td>{text(probe.route)}</td>"
        f"<td>{outcome_word(record)}</td><td>{short(took.total_seconds()) if took else ''}</td>"
        f"<td>{text(why(record))}</td></tr>\n"
    )


def _onward(page: Page, wanted: dict[str, Any]) -> Iterator[str]:
    if page.next:
        yield f'<p><a href="{probes_link(**wanted, next=page.next)}">Older ones</a></p>\n'


def _wanted(query: Query) -> dict[str, str]:
    named = {"pool": query.pool, "member": query.member, "route": query.route, "outcome": query.outcome}
    return {name: str(value) for name, value in named.items() if value is not None}
