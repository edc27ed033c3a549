"""What is told once an hour, and how much of it."""

from probe.net.seldom import AGAIN_AFTER_SECONDS, MOST, Seldom


def test_each_thing_is_told_once_an_hour() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    told = []
    for at in (0.0, 1.0, AGAIN_AFTER_SECONDS - 1, AGAIN_AFTER_SECONDS, AGAIN_AFTER_SECONDS + 1):
        now[0] = at
        told.append(seldom.now("the same"))
    assert told == [True, False, False, True, False]


def test_only_so_many_are_told_and_others_when_the_old_ones_are_forgotten() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    assert [seldom.now(number) for number in range(MOST + 10)] == [True] * MOST + [False] * 10
    now[0] = AGAIN_AFTER_SECONDS
    assert seldom.now("new")
