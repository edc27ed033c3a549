from datetime import timedelta

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.retry import next_attempt
from probe.model.settings import Retry
from tests.model.build import MINUTE, NOW, SECOND, TICK

RETRY = Retry(attempts=5, first=20 * SECOND, longest=MINUTE)
FAR = NOW + timedelta(days=1)


def attempt(ending: Ending = Ending.UNREACHABLE) -> Attempt:
    return Attempt(ending, Stage.MAIL, "the server's words", NOW)


def waits(
    number: int, *, retry: Retry = RETRY, chance: float = 0.0, ending: Ending = Ending.UNREACHABLE
) -> float | None:
    due = next_attempt(attempt(ending), retry, number=number, now=NOW, deadline=FAR, chance=chance)
    return (due - NOW).total_seconds() if due else None


@pytest.mark.parametrize("number, seconds", [(1, 20), (2, 40), (3, 60), (4, 60), (5, None), (6, None)])
def test_it_is_tried_later_and_later_until_the_attempts_are_used_up(number: int, seconds: float | None) -> None:
    assert waits(number) == seconds


@pytest.mark.parametrize("chance, seconds", [(0.0, 20.0), (0.5, 22.5), (1.0, 25.0)])
def test_chance_makes_it_later_and_never_earlier(chance: float, seconds: float) -> None:
    assert waits(1, chance=chance) == seconds


@pytest.mark.parametrize("ending", Ending)
def test_only_what_the_server_certainly_does_not_own_is_tried_again(ending: Ending) -> None:
    assert (waits(1, ending=ending) is not None) is (
        ending
        in {
            Ending.REFUSED_FOR_NOW,
            Ending.UNREACHABLE,
            Ending.NAMELESS,
        }
    )


def test_one_attempt_means_no_retry() -> None:
    assert waits(1, retry=Retry()) is None


def test_very_many_attempts_do_not_overflow() -> None:
    assert waits(10_000, retry=Retry(attempts=20_000, first=SECOND, longest=MINUTE)) == 60


@pytest.mark.parametrize("left, tried", [(20 * SECOND, False), (20 * SECOND + TICK, True)])
def test_nothing_is_tried_at_the_deadline_or_later(left: timedelta, tried: bool) -> None:
    due = next_attempt(attempt(), RETRY, number=1, now=NOW, deadline=NOW + left, chance=0.0)
    assert (due is not None) is tried
