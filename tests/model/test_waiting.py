"""How long a retry waits: for its own law, for what its member is remembered for, and never in vain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from probe.model.outcome import Outcome, Stage
from probe.model.probe import Record
from probe.model.reply import Ending
from probe.model.retry import last_try
from probe.model.setbacks import CONNECTION, Setback, Subject, renewed, subjects
from probe.model.settings import Retry
from probe.model.waiting import Wait, wait
from tests.model.build import DEADLINE, MINUTE, NOW, SECOND, TICK, record, route, sending

RETRY = Retry(attempts=5, first=20 * SECOND, longest=MINUTE)
ROUTE = replace(route(), retry=RETRY)
DUE = NOW + 20 * SECOND
LAST = DUE + (40 + 60 + 60) * SECOND
RECIPIENT = subjects(route())[1]


def deferred(ending: Ending = Ending.UNREACHABLE, stage: Stage = Stage.CONNECT) -> Record:
    return record(sending(ending, stage), next_attempt=DUE)


def remembered(next_try: datetime = DUE, subject: Subject = CONNECTION) -> Setback:
    made = renewed(None, subject, "no", retry=RETRY, at=NOW, chance=0)
    return replace(made, next_try=next_try)


def waits(what: Record, *standing: Setback, now: datetime = NOW) -> Wait:
    return wait(what, ROUTE, standing, now=now)


def test_alone_with_its_member_a_retry_waits_for_its_own_law() -> None:
    assert waits(deferred(), remembered()) == Wait(DUE, LAST)


def test_it_waits_for_the_next_try_of_its_member_and_of_its_recipient() -> None:
    dead, greylisted = remembered(DUE + SECOND), remembered(DUE + 2 * SECOND, RECIPIENT)
    assert waits(deferred(), dead).goes == DUE + SECOND
    assert waits(deferred(), dead, greylisted).goes == DUE + 2 * SECOND
    assert waits(deferred(), dead, greylisted).held_back_by == (dead, greylisted)


@pytest.mark.parametrize(
    "stopped, standing, at_once",
    [
        (deferred(), [], True),
        (deferred(), [remembered()], False),
        (deferred(Ending.REFUSED_FOR_NOW, Stage.BANNER), [], True),
        (deferred(Ending.REFUSED_FOR_NOW, Stage.RCPT), [], True),
        (deferred(Ending.REFUSED_FOR_NOW, Stage.RCPT), [remembered(NOW, RECIPIENT)], False),
        # Nobody remembers these, so that nothing was forgotten either: greylisting after the final dot is one of them.
        (deferred(Ending.REFUSED_FOR_NOW, Stage.BODY), [], False),
        (deferred(Ending.UNREACHABLE, Stage.MAIL), [], False),
    ],
)
def test_it_goes_at_once_when_what_stopped_it_works_again(
    stopped: Record, standing: Sequence[Setback], at_once: bool
) -> None:
    assert waits(stopped, *standing, now=NOW + SECOND).goes == (NOW + SECOND if at_once else DUE)


def test_a_refusal_that_is_expected_is_not_remembered_so_that_its_retry_comes_when_it_is_due() -> None:
    refused = deferred(Ending.REFUSED_FOR_NOW, Stage.RCPT)
    expecting = replace(ROUTE, expect=Outcome.DEFERRED)
    assert wait(refused, expecting, [], now=NOW + SECOND).goes == DUE


def test_a_member_that_works_again_may_still_refuse_the_recipient() -> None:
    greylisted = remembered(DUE + SECOND, RECIPIENT)
    assert waits(deferred(), greylisted).goes == DUE + SECOND


@pytest.mark.parametrize(
    "next_try, now, over, in_vain",
    [
        (DUE, DUE - TICK, False, False),
        (DUE, DUE, True, False),
        (LAST, LAST - TICK, False, False),
        (LAST, LAST, True, False),
        (LAST + TICK, LAST - TICK, False, False),
        (LAST + TICK, LAST, False, True),
        (LAST + TICK, LAST + TICK, False, True),
    ],
)
def test_it_waits_no_longer_than_its_own_last_try(next_try: datetime, now: datetime, over: bool, in_vain: bool) -> None:
    outlook = waits(deferred(), remembered(next_try), now=now)
    assert (outlook.over(now), outlook.in_vain(now)) == (over, in_vain)
    assert outlook.until == min(next_try, LAST)


@pytest.mark.parametrize(
    "attempts, more",
    [(1, 40 + 60 + 60), (2, 60 + 60), (3, 60), (4, 0), (5, 0)],
)
def test_the_last_try_is_the_one_that_its_law_would_make_the_last(attempts: int, more: int) -> None:
    assert last_try(RETRY, attempts=attempts, due=DUE, deadline=DEADLINE) == DUE + more * SECOND


@pytest.mark.parametrize("left, more", [(40 * SECOND, 0), (40 * SECOND + TICK, 40)])
def test_the_last_try_comes_before_the_deadline(left: timedelta, more: int) -> None:
    assert last_try(RETRY, attempts=1, due=DUE, deadline=DUE + left) == DUE + more * SECOND


def test_it_says_until_when_and_why() -> None:
    assert str(waits(deferred(), remembered(DUE + SECOND))) == (
        "until 2026-03-01T12:00:21Z; no session since 2026-03-01T12:00:00Z, once, last: no"
    )
    assert str(waits(deferred(), remembered(LAST + SECOND))).startswith(
        "until 2026-03-01T12:03:01Z, and its own last try was due at 2026-03-01T12:03:00Z; no session"
    )
