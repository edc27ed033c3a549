"""Keeping verdicts: what a restart takes up again, and the history of what changed."""

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from probe.engine.happenings import Happening, Judged
from probe.engine.ledger_state import LedgerState, written
from probe.model.history import Change, change
from probe.model.hold import Hold
from probe.model.outcome import State
from probe.model.settings import MemberKey
from probe.model.verdict import Verdict
from probe.ports import Clock, Ledger


class Keeper:
    """Write verdicts into the ledger as they change; a Reporter."""

    def __init__(
        self,
        ledger: Ledger,
        ledger_state: LedgerState,
        *,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        hold: Callable[[MemberKey], Hold | None],
    ) -> None:
        """``hold`` returns the last hold on a member, also when it has ended."""
        self._ledger = ledger
        self._ledger_state = ledger_state
        self._clock = clock
        self._spawn = spawn
        self._hold = hold
        self._last: dict[MemberKey, Change] = {}
        self._judged: set[MemberKey] = set()
        self._keeps_history = False

    def keep_history(self, last: Iterable[Change]) -> None:
        """Note changes, too, from now on; these are the last ones that were noted."""
        self._last = {(change.pool, change.member): change for change in last}
        self._keeps_history = True

    def __call__(self, happening: Happening) -> None:
        """Write down a verdict."""
        if not isinstance(happening, Judged):
            return
        if _is_to_be_taken_up(happening.verdict, happening.before):
            self._spawn(self._ledger.set_verdict(happening.pool, happening.member, happening.verdict))
        if self._keeps_history:
            self._note((happening.pool, happening.member), happening.verdict)

    def _note(self, member: MemberKey, verdict: Verdict) -> None:
        starting = member not in self._judged
        self._judged.add(member)
        noted = change(
            self._last.get(member),
            verdict,
            pool=member[0],
            member=member[1],
            at=self._clock.now(),
            starting=starting,
            ended=self._hold(member),
        )
        if noted:
            self._last[member] = noted
            write = partial(self._ledger.note_change, noted)
            self._spawn(written(write, self._ledger_state, clock=self._clock))


def _is_to_be_taken_up(verdict: Verdict, before: Verdict | None) -> bool:
    # The last one that was known is what a restart takes up, and what a load balancer may hold. Not one that operators
    # decided: what the evidence says must not be forgotten for it.
    if verdict.state is State.UNKNOWN or verdict.hold or verdict.maintenance:
        return False
    return before is None or _key(before) != _key(verdict)


def _key(verdict: Verdict) -> tuple[object, ...]:
    return verdict.state, verdict.guarded, verdict.hold, verdict.maintenance
