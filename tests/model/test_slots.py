from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.slots import EPOCH, extra_slot, phase, round_at, turn
from tests.model.build import MINUTE, NOW, TICK

INTERVALS = st.timedeltas(timedelta(seconds=1), timedelta(days=7))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=EPOCH.tzinfo))


@pytest.mark.parametrize(
    "now, number",
    [(EPOCH, 0), (EPOCH + MINUTE - TICK, 0), (EPOCH + MINUTE, 1), (EPOCH + 61 * MINUTE, 61)],
)
def test_rounds_are_whole_intervals_since_1970(now: datetime, number: int) -> None:
    assert round_at(now, MINUTE) == number


@given(now=MOMENTS, interval=INTERVALS, member=st.text(max_size=20))
def test_a_turn_lies_within_its_round(now: datetime, interval: timedelta, member: str) -> None:
    number = round_at(now, interval)
    start = EPOCH + number * interval
    assert start <= now < start + interval
    assert start <= turn(number, interval, route="inbound", member=member) <= start + interval


@given(route=st.text(max_size=20), member=st.text(max_size=20))
def test_a_phase_is_a_share_of_the_interval(route: str, member: str) -> None:
    assert 0 <= phase(route, member) < 1


def test_a_member_has_the_same_phase_in_every_round() -> None:
    turns = [turn(number, MINUTE, route="inbound", member="mta1") for number in range(3)]
    assert turns[1] - turns[0] == turns[2] - turns[1] == MINUTE


def test_route_and_member_are_told_apart() -> None:
    assert phase("ab", "c") != phase("a", "bc")
    assert phase("inbound", "mta1") != phase("outbound", "mta1")


def test_members_spread_evenly() -> None:
    tenths = [0] * 10
    for number in range(1000):
        tenths[int(phase("inbound", f"mta{number}") * 10)] += 1
    assert min(tenths) > 70
    assert max(tenths) < 130


def test_a_turn_that_a_person_asked_for_has_a_slot_of_its_own() -> None:
    assert extra_slot(NOW) > round_at(NOW + timedelta(days=36500), timedelta(seconds=1))
    assert extra_slot(NOW + TICK) == extra_slot(NOW) + 1
