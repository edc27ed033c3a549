"""What a person wants to know first: who is down and why, what is wrong beyond single members, and the mailboxes.

It changes as a whole, so that the script fetches it as a whole; the rows of the members are kept current one by one.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from probe.engine.board import Board
from probe.engine.figures import MailboxFigures
from probe.model.outcome import State
from probe.model.verdict import Verdict
from probe.web.page.markup import ago, counted, probe_link, segment, text
from probe.web.page.rows import aside

NAMED = 10
"""Members that are named of those in the same trouble."""


def overview(board: Board, now: datetime) -> str:
    """Write it, with the headline as the title of the page beside it."""
    headline = _headline(board)
    notices = "".join(_notices(board, now))
    return (
        f'<section id="overview" aria-labelledby="headline" data-title="{headline}: {text(board.settings.instance)}">\n'
        f'<h2 id="headline">{headline}</h2>\n<ul class="notices">\n{notices}</ul>\n</section>\n'
    )


def mailboxes(board: Board, now: datetime) -> str:
    """Write the table of the mailboxes."""
    rows = "".join(_mailbox(name, board.mailbox(name), now) for name in board.settings.mailboxes)
    if not rows:
        return '<section id="mailboxes"></section>\n'
    return (
        '<section id="mailboxes" aria-labelledby="mailboxes-title">\n<h2 id="mailboxes-title">Mailboxes</h2>\n'
        '<table><thead><tr><th scope="col">Mailbox</th><th scope="col">State</th>'
        '<th scope="col">Read</th><th scope="col">Trouble</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table>\n</section>\n"
    )


def asides(board: Board) -> str:
    """Write what else there is to say of members, for the script to put into their rows."""
    told = (
        f'<li data-pool="{text(pool)}" data-member="{text(name)}">{said}</li>'
        for pool in board.settings.pools
        for name, figures in board.members(pool).items()
        if (said := aside(board, pool, figures))
    )
    return f'<ul id="asides" hidden>{"".join(told)}</ul>\n'


def _verdicts(board: Board) -> Iterator[tuple[str, str, Verdict]]:
    for pool in board.settings.pools:
        for name in board.members(pool):
            yield pool, name, board.verdict(pool, name)


def _headline(board: Board) -> str:
    verdicts = [verdict for _, _, verdict in _verdicts(board)]
    if not verdicts:
        return "No member is known yet"
    states = Counter(verdict.state for verdict in verdicts)
    down, unknown, kept_up = states[State.DOWN], states[State.UNKNOWN], sum(verdict.guarded for verdict in verdicts)
    members = counted(len(verdicts), "member")
    head = f"{down} of {members} down" if down else f"{states[State.UP]} of {members} up"
    if states[State.UP] == len(verdicts):
        head = f"{members} up, none down"
    more = (f", {unknown} unknown" if unknown else "") + (f", {kept_up} kept up in spite of failing" if kept_up else "")
    return head + more


def _notices(board: Board, now: datetime) -> Iterator[str]:
    """Write a line for each trouble: first what concerns everything, then the members, then what explains."""
    yield from chain(_about_the_probe(board), _about_mailboxes(board), _about_routes(board, now))
    yield from chain(_about_members(board, now), _about_discovery(board))


def _about_the_probe(board: Board) -> Iterator[str]:
    if board.ledger_trouble is not None:
        yield _notice("bad", f"Nothing is sent: {text(board.ledger_trouble)}")
    elif not board.restored:
        yield _notice("odd", "The ledger has not been read yet")


def _about_mailboxes(board: Board) -> Iterator[str]:
    for name in board.settings.mailboxes:
        figures = board.mailbox(name)
        if figures.tried and not figures.up:
            said = "cannot be read, so that nobody can tell what arrives in it"
            yield _notice("bad", f"Mailbox {text(name)} {said}: {text(figures.trouble or 'no reason was given')}")


def _about_routes(board: Board, now: datetime) -> Iterator[str]:
    """Tell of routes that fail: the verdicts do not, because no member is called down for what all share."""
    for fault in chain.from_iterable(board.faults_of(pool) for pool in board.settings.pools):
        blame = fault.blame
        if blame is None:
            continue
        fares = "fails for all members" if fault.shared else "proves nothing"
        since = f" for {ago(fault.since, now)}" if fault.since else ""
        to_blame = f'<span class="flag">{blame.culprit.replace("_", " ")}</span>'
        said = f"Route {text(fault.route)} of {text(fault.pool)} {fares}{since}: {text(blame.text)} {to_blame}"
        yield _notice("bad" if fault.shared else "odd", said)


def _about_members(board: Board, now: datetime) -> Iterator[str]:
    """Write a sentence for each member in trouble, with the way to the proof; of many in the same one only a number."""
    plights: dict[str, list[tuple[str, str, Verdict]]] = {plight: [] for plight in _PLIGHTS}
    for pool, name, verdict in _verdicts(board):
        if plight := _plight(verdict):
            plights[plight].append((pool, name, verdict))
    for plight, those in plights.items():
        yield from (_sentence(plight, *each, now) for each in those[:NAMED])
        if len(those) > NAMED:
            yield _notice(_PLIGHTS[plight], f"The same is true of {counted(len(those) - NAMED, 'further member')}")


_DOWN, _KEPT_UP, _FLAPS = "is down", "fails, and is kept up", "goes up and down again and again"
_HELD, _MAINTAINED = "is what somebody says", "is under maintenance"
_PLIGHTS = {_DOWN: "bad", _KEPT_UP: "odd", _HELD: "odd", _MAINTAINED: "odd", _FLAPS: "odd"}
"""What may be said of a member, the worst first, and how it is shown."""


def _plight(verdict: Verdict) -> str | None:
    if verdict.state is State.DOWN:
        return _DOWN
    if verdict.guarded:
        return _KEPT_UP
    if verdict.hold:
        return _HELD
    if verdict.maintenance:
        return _MAINTAINED
    return _FLAPS if verdict.flapping else None


def _sentence(plight: str, pool: str, name: str, verdict: Verdict, now: datetime) -> str:
    since = f" for {ago(verdict.since, now)}" if plight == _DOWN else ""
    proof = "".join(f'; <a href="{probe_link(probe_id)}">the proof</a>' for probe_id in verdict.evidence[:1])
    return _notice(_PLIGHTS[plight], f"{_row_link(pool, name)} {plight}{since}: {text(verdict.reason)}{proof}")


def _about_discovery(board: Board) -> Iterator[str]:
    for pool in board.settings.pools:
        if note := board.discovery.get(pool):
            yield _notice("odd", f"Pool {text(pool)}: {text(note)}")
        for finding in board.tls_findings.get(pool, ()):
            yield _notice("odd", f"Pool {text(pool)}, TLS: {text(finding.text)}")


def _notice(weight: str, words: str) -> str:
    return f'<li class="{weight}">{words}</li>\n'


def _row_link(pool: str, name: str) -> str:
    return f'<a href="#{segment(pool)}/{segment(name)}">{text(pool)}/{text(name)}</a>'


def _mailbox(name: str, figures: MailboxFigures, now: datetime) -> str:
    state, shown = ("up", "readable") if figures.up else ("down", "unreadable")
    if not figures.tried:
        state, shown = "unknown", "not tried yet"
    read = f"{ago(figures.last_read, now)} ago" if figures.last_read else "not yet"
    return (
        f'<tr><th scope="row">{text(name)}</th><td><strong class="{state}">{shown}</strong></td>'
        f"<td>{read}</td><td>{text('; '.join(_notes_on(figures)))}</td></tr>\n"
    )


def _notes_on(figures: MailboxFigures) -> Iterator[str]:
    if figures.trouble:
        yield figures.trouble
    if figures.backlog:
        yield f"up to {figures.backlog} older messages are still to be read"
    if figures.spared:
        yield "it holds so much mail of others that nothing is deleted from it"
