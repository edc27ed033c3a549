"""The one place that decides what a load balancer is answered about a member, by whichever way it asks."""

from dataclasses import dataclass, replace
from typing import assert_never

from probe.model.outcome import State
from probe.model.settings import UnknownIs
from probe.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What a load balancer is answered about a member."""

    verdict: Verdict
    in_service: bool
    """Whether the member may get mail."""
    unchanged: bool = False
    """Nobody can tell, and what was answered last holds: nothing needs to be said to who remembers that."""


def answer(
    verdict: Verdict, *, unknown_is: UnknownIs, last: State | None, by_hand: bool = False, released: bool = False
) -> Answer:
    """Return what a verdict is for a load balancer.

    ``last`` is the last verdict on the member that was up or down by its evidence; with ``by_hand`` the word of an
    operator was answered after it, and who remembers that must hear what holds now. All are ``released`` while the
    probe is being stopped: nobody would be there to call them up again.
    """
    in_service = _may_get_mail(verdict.state, unknown_is=unknown_is, last=last)
    if not released:
        unchanged = verdict.state is State.UNKNOWN and unknown_is is UnknownIs.HOLD and not by_hand
        return Answer(verdict, in_service, unchanged)
    return Answer(verdict if in_service else _let_go(verdict), in_service=True)


def _may_get_mail(state: State, *, unknown_is: UnknownIs, last: State | None) -> bool:
    if state is not State.UNKNOWN:
        return state is State.UP
    match unknown_is:
        case UnknownIs.UP:
            return True
        case UnknownIs.DOWN:
            return False
        case UnknownIs.HOLD:
            return last is not State.DOWN
        case _:
            assert_never(unknown_is)


def _let_go(verdict: Verdict) -> Verdict:
    reason = f"the probe is being stopped, and calls nobody down any more; before: {verdict.reason}"
    return replace(verdict, state=State.UP, reason=reason)
