"""When a server that keeps IDLE open is no longer relied on."""

import pytest

from probe.mailbox.pushes import Pushes

WORTH = 5.0


def silent_idle(pushes: Pushes) -> None:
    pushes.idled(WORTH, told=False, cut_short=False)
    pushes.asked(news=True)


def test_it_takes_two_in_a_row() -> None:
    pushes = Pushes(worth_seconds=WORTH)

    silent_idle(pushes)
    assert not pushes.are_missing

    silent_idle(pushes)
    assert pushes.are_missing


@pytest.mark.parametrize(
    "seconds, told, cut_short, news",
    [
        (WORTH - 0.1, False, False, True),
        (WORTH, True, False, True),
        (WORTH, False, True, True),
        (WORTH, False, False, False),
    ],
    ids=["too short to tell", "it did tell", "we ended it", "there was nothing to tell"],
)
def test_what_proves_nothing_counts_for_nothing(seconds: float, told: bool, cut_short: bool, news: bool) -> None:
    pushes = Pushes(worth_seconds=WORTH)
    for _ in range(5):
        pushes.idled(seconds, told=told, cut_short=cut_short)
        pushes.asked(news=news)

    assert not pushes.are_missing


def test_only_the_first_question_after_an_idle_counts() -> None:
    pushes = Pushes(worth_seconds=WORTH)
    for _ in range(5):
        pushes.idled(WORTH, told=False, cut_short=False)
        pushes.asked(news=False)
        pushes.asked(news=True)

    assert not pushes.are_missing


def test_a_push_that_comes_gives_trust_back() -> None:
    pushes = Pushes(worth_seconds=WORTH)
    silent_idle(pushes)
    silent_idle(pushes)

    pushes.idled(1, told=True, cut_short=False)

    assert not pushes.are_missing
