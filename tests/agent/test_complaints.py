"""Complaints are told once, and shown safely."""

import pytest

from probe.agent.complaints import Complaints


def test_each_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for question in ("vip/mta9", "vip/mta8", "vip/mta9"):
        complaints.about(question, "there is no such member")
    assert [vars(record)["question"] for record in caplog.records] == ["vip/mta9", "vip/mta8"]


def test_what_was_asked_is_shown_safely_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    Complaints().about("\x1b[31m\n" + "x" * 500, "there is no such member")
    [record] = caplog.records
    assert vars(record)["question"].startswith(r"\x1b[31m\nxxx")
    assert len(vars(record)["question"]) == 80
