"""What has lasted long enough to be told, and what is over."""

from datetime import UTC, datetime, timedelta

import pytest

from probe.model.alarm import Alarm, AlarmKey, AlarmKind, Lasting

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", "vip"), ("member", "mta1")))
ALARM = Alarm(KEY, "so it is")


def heard(lasting: Lasting, *told: tuple[int, bool]) -> list[str]:
    """Tell at these seconds whether it is wrong; return what was made of it each time."""
    answers = []
    for seconds, wrong in told:
        known = lasting.hear([ALARM] if wrong else [], now=NOON + timedelta(seconds=seconds))
        alarm = known.get(KEY)
        answers.append("nothing" if alarm is None else "over" if alarm.over else "firing")
    return answers


@pytest.mark.parametrize(
    "told, answers",
    [
        ([(0, True), (59, True), (60, True)], ["nothing", "nothing", "firing"]),
        ([(0, True), (59, False), (60, True), (119, True), (120, True)], ["nothing"] * 4 + ["firing"]),
        ([(0, True), (60, True), (61, False), (120, False), (121, False)], ["nothing", *["firing"] * 3, "over"]),
        ([(0, True), (60, True), (61, False), (120, True), (121, False), (180, False)], ["nothing", *["firing"] * 5]),
        (
            [(0, True), (60, True), (61, False), (121, False), (122, True)],
            ["nothing", "firing", "firing", "over", "over"],
        ),
        ([(0, False)], ["nothing"]),
    ],
)
def test_a_change_counts_when_it_has_stood_for_a_minute(told: list[tuple[int, bool]], answers: list[str]) -> None:
    assert heard(Lasting(MINUTE), *told) == answers


def test_what_has_lasted_before_it_was_heard_of_is_told_at_once() -> None:
    old = Alarm(KEY, "so it is", since=NOON - MINUTE)
    assert Lasting(MINUTE).hear([old], now=NOON) == {KEY: old}


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    ahead, lasting = Alarm(KEY, "so it is", since=NOON + timedelta(days=1)), Lasting(MINUTE)
    assert lasting.hear([ahead], now=NOON) == {}
    [alarm] = lasting.hear([ahead], now=NOON + MINUTE).values()
    assert alarm.since == NOON


def test_it_is_told_since_when_it_was_wrong_and_until_when() -> None:
    lasting = Lasting(MINUTE)
    heard(lasting, (0, True), (60, True))
    [alarm] = lasting.hear([ALARM], now=NOON + 2 * MINUTE).values()
    assert (alarm.since, alarm.over) == (NOON, None)
    heard(lasting, (130, False))
    [alarm] = lasting.hear([], now=NOON + 4 * MINUTE).values()
    assert (alarm.since, alarm.over) == (NOON, NOON + timedelta(seconds=130))


def test_what_is_over_stays_until_it_is_forgotten() -> None:
    lasting = Lasting(MINUTE)
    assert heard(lasting, (0, True), (60, True), (61, False), (121, False), (999, False))[-1] == "over"
    lasting.forget(KEY)
    assert heard(lasting, (1000, False)) == ["nothing"]


def test_what_is_wrong_again_after_it_was_over_has_begun_anew() -> None:
    lasting = Lasting(MINUTE)
    heard(lasting, (0, True), (60, True), (61, False), (121, False))
    assert heard(lasting, (200, True), (260, True)) == ["over", "firing"]
    [alarm] = lasting.hear([ALARM], now=NOON + timedelta(seconds=261)).values()
    assert alarm.since == NOON + timedelta(seconds=200)


def test_the_newest_reason_is_told() -> None:
    lasting = Lasting(MINUTE)
    heard(lasting, (0, True), (60, True))
    [alarm] = lasting.hear([Alarm(KEY, "otherwise")], now=NOON + 2 * MINUTE).values()
    assert alarm.reason == "otherwise"
