from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.received import MOST, hops
from tests.model.build import NOW, SECOND

TWO_HOPS = (
    b"Return-Path: <probe@lab.test>\r\n"
    b"Received: from mta1.lab.test (mta1 [127.0.0.11])\r\n\tby store.lab.test (Dovecot) with LMTP id x;\r\n"
    b"\tSun, 1 Mar 2026 12:00:07 +0000\r\n"
    b"Received: from probe by mta1.lab.test with esmtps; Sun, 1 Mar 2026 13:00:02 +0100\r\n"
    b"Subject: hello\r\n"
)


def dated(text: str) -> datetime | None:
    [hop] = hops(f"Received: by a; {text}\r\n".encode(), seen=NOW)
    return hop.at


def test_the_path_is_read_oldest_hop_first() -> None:
    first, last = hops(TWO_HOPS, seen=NOW)
    assert (first.by, first.protocol, first.at, first.delay) == ("mta1.lab.test", "ESMTPS", NOW + 2 * SECOND, None)
    assert (last.by, last.protocol, last.at, last.delay) == ("store.lab.test", "LMTP", NOW + 7 * SECOND, 5 * SECOND)


def test_a_message_that_never_travelled_has_no_hops() -> None:
    assert hops(b"Subject: hello\r\nX-Received: by a; now\r\n", seen=NOW) == ()


def test_a_clock_that_is_behind_makes_no_negative_delay() -> None:
    header = TWO_HOPS.replace(b"12:00:07", b"11:59:00")
    assert hops(header, seen=NOW)[1].delay == timedelta(0)


def test_a_hop_without_a_date_is_passed_over_by_the_delays() -> None:
    middle = b"Received: by middle; nonsense\r\nReceived: from probe by"
    first, second, third = hops(TWO_HOPS.replace(b"Received: from probe by", middle), seen=NOW)
    assert (second.at, second.delay) == (None, None)
    assert (first.delay, third.delay) == (None, 5 * SECOND)


@pytest.mark.parametrize(
    "text, at",
    [
        ("Sun, 1 Mar 2026 12:00:00 +0000", NOW),
        ("Sun, 1 Mar 2026 12:00:00 -0000", NOW),
        ("Sun, 1 Mar 2026 12:00:00 +0000 (UTC)", NOW),
        ("Tue, 31 Mar 2026 12:00:00 +0000", datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ("Tue, 31 Mar 2026 12:00:01 +0000", None),  # more than thirty days off
        ("Fri, 30 Jan 2026 12:00:00 +0000", datetime(2026, 1, 30, 12, tzinfo=UTC)),
        ("Fri, 30 Jan 2026 11:59:59 +0000", None),
        ("Mon, 1 Jan 0001 00:00:00 +2359", None),
        ("99 Foo 2026", None),
        ("", None),
    ],
)
def test_a_date_is_believed_when_it_is_one_and_not_absurd(text: str, at: datetime | None) -> None:
    assert dated(text) == at


def test_a_loop_is_read_only_so_far() -> None:
    assert len(hops(b"Received: by a; x\r\n" * (MOST + 1), seen=NOW)) == MOST


@given(st.binary(max_size=200), st.text(max_size=60))
def test_garbage_never_raises(raw: bytes, date: str) -> None:
    header = b"Received: by \xff with " + raw + b"\r\nReceived: by b; " + date.encode() + b"\r\n"
    for hop in hops(header, seen=NOW):
        assert hop.delay is None or hop.delay >= timedelta(0)
