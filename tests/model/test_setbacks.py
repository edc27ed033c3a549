"""What attempts teach, and what is remembered of it."""

from dataclasses import replace
from datetime import datetime

import pytest

from probe.model.outcome import Outcome, Stage
from probe.model.probe import Sending
from probe.model.reply import Ending
from probe.model.setbacks import (
    CONNECTION,
    LONGEST_REASON,
    Kind,
    Setback,
    Subject,
    last_tried,
    lessons,
    renewed,
    subjects,
    summary,
)
from probe.model.settings import Retry
from tests.model.build import MINUTE, NOW, SECOND, record, route, sending

RETRY = Retry(attempts=5, first=20 * SECOND, longest=MINUTE)
RECIPIENT = Subject(Kind.RECIPIENT, "probe@lab.test", "monitor@lab.test")
NOTHING: dict[Kind, bool] = {}
DEAD = {Kind.CONNECTION: False}
ALIVE = {Kind.CONNECTION: True}
REFUSES = {Kind.CONNECTION: True, Kind.RECIPIENT: False}
TAKES = {Kind.CONNECTION: True, Kind.RECIPIENT: True}


def setback(
    subject: Subject = CONNECTION, *, failures: int = 1, at: datetime = NOW, reason: str = "refused"
) -> Setback:
    return renewed(None, subject, reason, retry=RETRY, at=at, chance=0, failures=failures)


@pytest.mark.parametrize(
    "stage, unreachable, refused",
    [
        (Stage.CONNECT, DEAD, DEAD),
        (Stage.BANNER, DEAD, DEAD),
        (Stage.EHLO, DEAD, DEAD),
        (Stage.STARTTLS, DEAD, DEAD),
        (Stage.AUTH, ALIVE, ALIVE),
        (Stage.MAIL, ALIVE, ALIVE),
        (Stage.RCPT, ALIVE, REFUSES),
        (Stage.DATA, TAKES, TAKES),
        (Stage.BODY, TAKES, TAKES),
    ],
)
def test_how_far_an_attempt_came_tells_what_failed_and_what_works(
    stage: Stage, unreachable: dict[Kind, bool], refused: dict[Kind, bool]
) -> None:
    assert lessons(Ending.UNREACHABLE, stage) == unreachable
    assert lessons(Ending.REFUSED, stage) == lessons(Ending.REFUSED_FOR_NOW, stage) == refused


@pytest.mark.parametrize("stage", Stage)
def test_a_probe_that_failed_itself_teaches_nothing(stage: Stage) -> None:
    assert lessons(Ending.NOT_TRIED, stage) == NOTHING


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.BODY])
def test_an_acceptance_shows_that_all_works(stage: Stage) -> None:
    assert lessons(Ending.ACCEPTED, stage) == TAKES


def test_a_route_meets_its_member_and_its_own_recipient() -> None:
    assert subjects(route()) == (CONNECTION, RECIPIENT)


@pytest.mark.parametrize("expected, met", [(Outcome.REJECTED, 1), (Outcome.DEFERRED, 1), (Outcome.JUNKED, 2)])
def test_a_refusal_that_a_route_expects_is_no_setback(expected: Outcome, met: int) -> None:
    assert len(subjects(replace(route(), expect=expected))) == met


@pytest.mark.parametrize("failures, seconds", [(1, 20), (2, 40), (3, 60), (4, 60), (10_000, 60)])
def test_the_next_try_comes_later_and_later(failures: int, seconds: int) -> None:
    assert setback(failures=failures).next_try == NOW + seconds * SECOND


def test_failures_count_on_from_those_before() -> None:
    first = setback()
    second = renewed(first, CONNECTION, "still refused", retry=RETRY, at=NOW + 5 * SECOND, chance=0.5)
    assert second == Setback(
        CONNECTION,
        "still refused",
        since=NOW,
        failures=2,
        last=NOW + 5 * SECOND,
        next_try=NOW + 5 * SECOND + 40 * 1.125 * SECOND,
    )


def test_a_route_with_shorter_distances_does_not_bring_the_next_try_forward() -> None:
    hasty = Retry(attempts=5, first=SECOND, longest=SECOND)
    before = setback(failures=3)
    assert renewed(before, CONNECTION, "refused", retry=hasty, at=NOW + SECOND, chance=0).next_try == before.next_try


@pytest.mark.parametrize("length, kept", [(LONGEST_REASON, LONGEST_REASON), (LONGEST_REASON + 1, LONGEST_REASON)])
def test_what_a_server_says_is_cut(length: int, kept: int) -> None:
    remembered = setback(reason="x" * length).reason
    assert (len(remembered), remembered.endswith("…")) == (kept, length > kept)


def test_a_member_is_summed_up_in_one_sentence_that_begins_with_the_worst() -> None:
    assert summary([]) == ""
    assert summary([setback(failures=2)]) == (
        "no session since 2026-03-01T12:00:00Z, 2 times, last: refused; no retry before 2026-03-01T12:00:40Z"
    )
    greylisted = setback(RECIPIENT, reason="rcpt refused: 450 4.2.0 Greylisted")
    assert summary([greylisted]) == (
        "monitor@lab.test is refused since 2026-03-01T12:00:00Z, once, last: rcpt refused: 450 4.2.0 Greylisted;"
        " no retry before 2026-03-01T12:00:20Z"
    )
    assert summary([setback(), greylisted]).startswith("no session since")
    assert summary([setback(), greylisted]).endswith("(and 1 more)")


FINISHED = NOW + 9 * SECOND


@pytest.mark.parametrize(
    "sent, next_attempt, tried",
    [
        (None, None, None),
        (Sending(Ending.ACCEPTED, Stage.BODY, "", accepted=NOW + SECOND), None, NOW + SECOND),
        (sending(Ending.REFUSED_FOR_NOW, Stage.RCPT), NOW + 25 * SECOND, NOW + 5 * SECOND),
        (sending(Ending.UNREACHABLE, Stage.CONNECT), None, FINISHED),
        (sending(Ending.IN_DOUBT), None, NOW),
    ],
)
def test_a_record_tells_when_it_was_last_tried(
    sent: Sending | None, next_attempt: datetime | None, tried: datetime | None
) -> None:
    known = replace(record(sent, next_attempt=next_attempt), finished=None if next_attempt else FINISHED)
    assert last_tried(known, RETRY) == tried


def test_nothing_is_known_of_when_one_was_refused_that_is_not_settled_yet() -> None:
    assert last_tried(record(sending(Ending.REFUSED, Stage.RCPT)), RETRY) is None
