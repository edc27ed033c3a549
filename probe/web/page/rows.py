"""A pool as a table: a row for each member with its verdict, its latest probes, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import starmap

from probe.engine.board import Board
from probe.engine.figures import MemberFigures
from probe.engine.strips import Box
from probe.model.outcome import State
from probe.model.setbacks import summary
from probe.model.settings import Pool, SmtpSettings, Tls
from probe.model.tls_findings import Finding
from probe.model.verdict import Verdict
from probe.web.page.markup import ago, probe_link, probes_link, segment, text
from probe.web.page.strips import path, path_later

_Paths = Mapping[str, Sequence[Box]]
"""What is remembered of a member, by route."""
_COLUMNS = ("Member", "Verdict", "Latest probes, the newest to the right", "Why")


def pool_head(pool: Pool) -> str:
    """Begin the table of a pool."""
    name = text(pool.name)
    columns = "".join(f'<th scope="col" role="columnheader">{column}</th>' for column in _COLUMNS)
    return (
        f'<section class="pool" aria-labelledby="pool-{name}">\n<h2 id="pool-{name}">{name} '
        f'<a href="/health/{segment(pool.name)}" aria-label="Health of {name}, as JSON">health</a>'
        f" <small>{_tls_of(pool.smtp)}</small></h2>\n"
        f'<table role="table" data-pool="{name}"><thead role="rowgroup"><tr role="row">{columns}</tr></thead>\n'
    )


def pool_rows(board: Board, pool: str, now: datetime, *, drawn: int) -> Iterator[str]:
    """Write a row for each member of a pool; the strips of the first are drawn, those of the others come later."""
    for place, (name, figures) in enumerate(list(board.members(pool).items())):
        paths = _paths(board, pool, name)
        strips = _drawn(paths) if place < drawn else "".join(starmap(path_later, paths.items()))
        yield _row(board, pool, figures, paths, strips, now)


def strips_of(board: Board, pool: str, members: Iterable[str]) -> str:
    """Draw the strips of some members, for the script to put into their rows; raises KeyError for an unknown pool."""
    known = board.members(pool)
    drawn = (
        f'<li data-pool="{text(pool)}" data-member="{text(name)}">{_drawn(_paths(board, pool, name))}</li>\n'
        for name in members
        if name in known
    )
    return f'<ul id="strips">\n{"".join(drawn)}</ul>\n'


POOL_END = "</table>\n</section>\n"
NOBODY = '<tbody role="rowgroup"><tr role="row"><td role="cell">No member is known yet.</td></tr></tbody>\n'


def group(rows: Iterable[str]) -> str:
    """Put rows into a group: what lies far from the view is laid out group by group when it comes near.

    For that no element of it may be laid out as that of a table; so each says by its role what it is.
    """
    return f'<tbody role="rowgroup">\n{"".join(rows)}</tbody>\n'


def aside(board: Board, pool: str, figures: MemberFigures) -> str:
    """Write what else there is to say of a member: what its retries wait for, and its TLS."""
    retries = summary(board.setbacks(pool, figures.member.name))
    told = f"<p>Retries: {text(retries)}</p>" if retries else ""
    return told + _tls(figures.findings)


def flags(verdict: Verdict) -> str:
    """Write in a word or two what else is true of a verdict; the script writes the same (rows.js)."""
    words = {
        "held by hand": verdict.hold,
        "maintenance": verdict.maintenance,
        "kept up": verdict.guarded,
        "flapping": verdict.flapping,
    }
    return "".join(f'<span class="flag">{word}</span>' for word, true in words.items() if true)


def in_trouble(verdict: Verdict, paths: _Paths) -> bool:
    """Tell whether somebody should look at a member; the script tells by the same rule."""
    failing = any(boxes and boxes[-1].failed for boxes in paths.values())
    return failing or bool(flags(verdict)) or verdict.state is not State.UP


def last_failing(paths: _Paths) -> Box | None:
    """Return the newest probe that failed, as far as they are remembered."""
    failed = (box for boxes in paths.values() for box in boxes if box.failed)
    return max(failed, key=lambda box: box.finished, default=None)


def _paths(board: Board, pool: str, member: str) -> _Paths:
    boxes = board.strips.of(pool, member)
    return {route.name: boxes.get(route.name, ()) for route in board.settings.routes_of(pool)}


def _drawn(paths: _Paths) -> str:
    return "".join(path(route, boxes, titled=len(paths) > 1) for route, boxes in paths.items())


def _row(board: Board, pool: str, figures: MemberFigures, paths: _Paths, strips: str, now: datetime) -> str:
    member = figures.member
    verdict = board.verdict(pool, member.name)
    name = text(member.name)
    trouble = ' class="trouble"' if in_trouble(verdict, paths) else ""
    return (
        f'<tr role="row" id="{text(pool)}/{name}" data-member="{name}"{trouble}>'
        f'<th scope="row" role="rowheader"><a href="{probes_link(pool=pool, member=member.name)}">{name}</a>'
        f"<small>{text(member.endpoint)}</small></th>"
        f'<td role="cell" class="verdict"><strong class="{verdict.state}">{verdict.state}</strong> '
        f"<small>for {ago(verdict.since, now)}</small>{flags(verdict)}</td>"
        f'<td role="cell" class="paths">{strips}</td>'
        f'<td role="cell" class="why"><p class="reason">{text(verdict.reason)}</p>{_proof(last_failing(paths))}'
        f'<div class="aside">{aside(board, pool, figures)}</div></td></tr>\n'
    )


def _proof(failing: Box | None) -> str:
    if failing is None:
        return '<a class="proof" hidden>last failing probe</a>'
    return f'<a class="proof" href="{probe_link(failing.probe_id)}">last failing probe</a>'


def _tls_of(smtp: SmtpSettings) -> str:
    """Say what is not protected on the way to the members."""
    if smtp.tls is Tls.NONE:
        return "without TLS"
    return "" if smtp.verify else "certificates are not checked"


def _tls(findings: Sequence[Finding] | None) -> str:
    """Write the findings in short: their words, with the whole sentences where the pointer rests on them."""
    if not findings:
        return ""
    words = ", ".join(dict.fromkeys(finding.word for finding in findings))
    return f'<p title="{text("; ".join(finding.text for finding in findings))}">TLS: {text(words)}</p>'
