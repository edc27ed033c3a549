"""Reads off the board what is wrong now; who is held by hand or under maintenance is nobody's alarm."""

from collections.abc import Iterator

from probe.engine.board import Board
from probe.model.alarm import Alarm, AlarmKey, AlarmKind
from probe.model.outcome import State
from probe.model.verdict import Verdict

_NAMED = 3
"""So many members that are kept up are named; of the others there is a number."""


def firing(board: Board) -> Iterator[Alarm]:
    """Yield all that is wrong."""
    for pool in board.settings.pools:
        everybody = {name: board.verdict(pool, name) for name in board.members(pool)}
        verdicts = {name: verdict for name, verdict in everybody.items() if not verdict.is_set_aside}
        # Of a pool whose members are all set aside, nothing is told.
        shared = list(_shared_faults(board, pool)) if verdicts or not everybody else []
        yield from _members_down(pool, verdicts)
        yield from shared or _guarded(pool, verdicts)  # one trouble is one alarm
    yield from _mailboxes(board)
    if board.ledger_trouble is not None:
        yield Alarm(AlarmKey(AlarmKind.LEDGER_FAILS, ()), board.ledger_trouble)


def is_silent(board: Board, key: AlarmKey) -> bool:
    """Tell whether operators have set aside every member that an alarm speaks of: nobody is told of it meanwhile."""
    verdicts = _spoken_of(board, key)
    return bool(verdicts) and all(verdict.is_set_aside for verdict in verdicts)


def in_doubt(board: Board, key: AlarmKey) -> bool:
    """Tell whether nobody can tell now if something that was wrong still is."""
    named = dict(key.labels)
    if named.get("mailbox") in board.settings.mailboxes:
        return not board.mailbox(named["mailbox"]).tried
    if named.get("pool") not in board.settings.pools or named.get("route") not in (None, *board.settings.routes):
        return False
    if not board.members(named["pool"]):
        return True  # they may not have been discovered yet
    verdicts = _spoken_of(board, key)
    return bool(verdicts) and all(verdict.state is State.UNKNOWN for verdict in verdicts)


def _spoken_of(board: Board, key: AlarmKey) -> list[Verdict]:
    """Return the verdicts on the member that is named, or on all of the pool."""
    named = dict(key.labels)
    pool, member = named.get("pool", ""), named.get("member")
    members = board.members(pool).keys() if pool in board.settings.pools else set()
    return [board.verdict(pool, name) for name in (members if member is None else members & {member})]


def _members_down(pool: str, verdicts: dict[str, Verdict]) -> Iterator[Alarm]:
    for name, verdict in verdicts.items():
        if verdict.state is State.DOWN:
            key = AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", pool), ("member", name)))
            yield Alarm(key, verdict.reason, verdict.since)


def _guarded(pool: str, verdicts: dict[str, Verdict]) -> Iterator[Alarm]:
    kept_up = {name: verdict for name, verdict in verdicts.items() if verdict.guarded}
    if kept_up:
        told = [f"{name}: {verdict.reason}" for name, verdict in list(kept_up.items())[:_NAMED]]
        more = [f"and {len(kept_up) - _NAMED} more"] if len(kept_up) > _NAMED else []
        yield Alarm(AlarmKey(AlarmKind.VERDICT_GUARDED, (("pool", pool),)), "; ".join(told + more))


def _shared_faults(board: Board, pool: str) -> Iterator[Alarm]:
    for fault in board.faults_of(pool):
        if fault.shared:
            key = AlarmKey(AlarmKind.SHARED_FAULT, (("pool", pool), ("route", fault.route)))
            yield Alarm(key, fault.side or "look at what they share", fault.since)


def _mailboxes(board: Board) -> Iterator[Alarm]:
    for name in board.settings.mailboxes:
        figures = board.mailbox(name)
        if figures.tried and not figures.up:
            key = AlarmKey(AlarmKind.MAILBOX_UNREADABLE, (("mailbox", name),))
            yield Alarm(key, figures.trouble or "it cannot be read")
