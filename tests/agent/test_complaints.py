"""Complaints are told once, and again after an hour."""

import pytest

from probe.agent.complaints import AGAIN_AFTER_SECONDS, MOST, Complaints


def test_each_is_told_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    # Given
    now = [0.0]
    complaints = Complaints(lambda: now[0])
    told = []

    # When
    for at in (0.0, 1.0, AGAIN_AFTER_SECONDS - 1, AGAIN_AFTER_SECONDS, AGAIN_AFTER_SECONDS + 1):
        now[0] = at
        complaints.about("vip/mta9", "there is no such member")
        told.append(len(caplog.records))

    # Then
    assert told == [1, 1, 1, 2, 2]


def test_there_is_room_for_new_ones_when_the_old_ones_are_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    complaints = Complaints(lambda: now[0])
    for number in range(MOST + 10):
        complaints.about(f"vip/{number}", "there is no such member")
    now[0] = AGAIN_AFTER_SECONDS
    complaints.about("vip/new", "there is no such member")
    assert len(caplog.records) == MOST + 1


def test_what_was_asked_is_shown_safely_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    Complaints().about("\x1b[31m\n" + "x" * 500, "there is no such member")
    [record] = caplog.records
    assert vars(record)["question"].startswith(r"\x1b[31m\nxxx")
    assert len(vars(record)["question"]) == 80
