"""What has lasted long enough to be told, and what is over."""

from datetime import UTC, datetime, timedelta

import pytest

from probe.model.alarm import DOUBTED, Alarm, AlarmKey, AlarmKind, Lasting

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", "vip"), ("member", "mta1")))
ALARM = Alarm(KEY, "so it is")


def heard(lasting: Lasting, *told: tuple[int, bool | None]) -> list[str]:
    """Tell at these seconds whether it is wrong, None for in doubt; return what was made of it each time."""
    answers = []
    for seconds, wrong in told:
        doubtful = {KEY} if wrong is None else set()
        now = NOON + timedelta(seconds=seconds)
        known = lasting.hear([ALARM] if wrong else [], now=now, in_doubt=doubtful.__contains__)
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


A_DAY = int(DOUBTED.total_seconds())


@pytest.mark.parametrize(
    "told, answers",
    [
        ([(60, None), (9999, None), (10000, True)], ["firing"] * 3),
        ([(60, None), (9999, None), (10000, False), (10060, False)], ["firing"] * 3 + ["over"]),
        ([(60, None), (60 + A_DAY, None), (60 + A_DAY + 59, None)], ["firing"] * 3),
        ([(60, None), (60 + A_DAY, None), (60 + A_DAY + 60, None)], ["firing"] * 2 + ["over"]),
        ([(60, None), (61, True), (62, None), (60 + A_DAY + 60, None)], ["firing"] * 4),
        ([(60, False), (61, None), (120, None)], ["firing", "firing", "over"]),
    ],
    ids=["wrong again", "well again", "a day", "more than a day", "wrong in between", "well in between"],
)
def test_what_was_wrong_goes_on_while_nobody_can_tell_but_not_for_ever(
    told: list[tuple[int, bool | None]], answers: list[str]
) -> None:
    lasting = Lasting(MINUTE)
    heard(lasting, (-60, True), (0, True))
    assert heard(lasting, *told) == answers


def test_nothing_begins_while_nobody_can_tell() -> None:
    assert heard(Lasting(MINUTE), (0, None), (999, None)) == ["nothing", "nothing"]
    assert heard(Lasting(MINUTE), (0, True), (59, None), (60, True)) == ["nothing"] * 3


def test_what_had_lasted_before_a_restart_lasts_until_it_is_over() -> None:
    lasting = Lasting(MINUTE)
    lasting.restore([Alarm(KEY, "so it was", since=NOON - MINUTE)])
    assert heard(lasting, (0, False), (59, False), (60, False)) == ["firing", "firing", "over"]
    assert lasting.known == {KEY: Alarm(KEY, "so it was", NOON - MINUTE, over=NOON)}


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
