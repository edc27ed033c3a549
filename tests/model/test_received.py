from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.letter import Hop
from probe.model.received import MOST, clock_notes, hops
from tests.model.build import NOW, SECOND

TWO_HOPS = (
    b"Return-Path: <probe@lab.test>\r\n"
    b"Received: from mta1.lab.test (mta1 [127.0.0.11])\r\n\tby store.lab.test (Dovecot) with LMTP id x;\r\n"
    b"\tSun, 1 Mar 2026 12:00:07 +0000\r\n"
    b"Received: from probe by mta1.lab.test with esmtps; Sun, 1 Mar 2026 13:00:02 +0100\r\n"
    b"Subject: hello\r\n"
)
SEEN = NOW + 10 * SECOND


def path(header: bytes) -> tuple[Hop, ...]:
    return hops(header, sent=NOW, seen=SEEN)


def dated(text: str) -> datetime | None:
    [hop] = path(f"Received: by a; {text}\r\n".encode())
    return hop.at


def one(line: str) -> Hop:
    [hop] = path(b"Received: " + line.encode() + b"; Sun, 1 Mar 2026 12:00:05 +0000\r\n")
    return hop


def stamped(*seconds: float) -> tuple[Hop, ...]:
    """Return hops a, b, c, ... whose stamps are so many seconds after the message was sent."""
    lines = [
        f"Received: by {name}; {NOW + second * SECOND:%a, %d %b %Y %H:%M:%S} +0000\r\n".encode()
        for name, second in zip("abcdef", seconds, strict=False)
    ]
    return path(b"".join(reversed(lines)))


def test_the_path_is_read_oldest_hop_first() -> None:
    first, last = path(TWO_HOPS)
    assert (first.by, first.protocol, first.at, first.delay) == ("mta1.lab.test", "ESMTPS", NOW + 2 * SECOND, None)
    assert (last.by, last.protocol, last.at, last.delay) == ("store.lab.test", "LMTP", NOW + 7 * SECOND, 5 * SECOND)


def test_a_message_that_never_travelled_has_no_hops() -> None:
    assert path(b"Subject: hello\r\nX-Received: by a; now\r\n") == ()


POSTFIX = """\
from probe.lab.test (localhost [127.0.0.1])
\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
\t key-exchange X25519 server-signature RSA-PSS (2048 bits))
\t(No client certificate requested)
\tby mta1.lab.test (Postfix) with ESMTPS id 4dHx1z3Q8Yz1
\tfor <monitor@lab.test>"""


@pytest.mark.parametrize(
    "line, by, sender, protocol, id, tls",
    [
        (POSTFIX, "mta1.lab.test", "probe.lab.test", "ESMTPS", "4dHx1z3Q8Yz1", True),
        (
            "from probe ([127.0.0.1])\r\n\tby mta1.lab.test with esmtpsa  (TLS1.3) tls TLS_AES_256_GCM_SHA384\r\n"
            "\t(Exim 4.96)\r\n\t(envelope-from <probe@lab.test>)\r\n\tid 1vO2aB-00001x-2A",
            *("mta1.lab.test", "probe", "ESMTPSA", "1vO2aB-00001x-2A", True),
        ),
        (
            "from a.test (2001:db8::1) by b.test (2001:db8::2) with Microsoft SMTP Server (version=TLS1_3,\r\n"
            " cipher=TLS_AES_256_GCM_SHA384) id 15.20.9",
            *("b.test", "a.test", "MICROSOFT", "15.20.9", True),
        ),
        ("by 2002:a05:6a10:1 with SMTP id ab12csp34", "2002:a05:6a10:1", None, "SMTP", "ab12csp34", False),
        ("from [192.0.2.1] by a with LMTP", "a", "[192.0.2.1]", "LMTP", None, False),
        ("from x by a with UTF8SMTPS", "a", "x", "UTF8SMTPS", None, True),
        ("from x by a with HTTP", "a", "x", "HTTP", None, None),
        ("from by.test (with id by x (from y)) by a id with", "a", "by.test", None, "with", None),
        ("from x (unclosed by a with ESMTPS", "", "x", None, None, None),
        ("from", "", None, None, None, None),
        ("by \xff\x00", "", None, None, None, None),
    ],
    ids=["postfix", "exim", "exchange", "google", "literal", "utf8", "http", "comments", "unclosed", "bare", "garbage"],
)
def test_a_line_is_read_by_its_clauses_and_not_by_its_comments(
    line: str, by: str, sender: str | None, protocol: str | None, id: str | None, tls: bool | None
) -> None:
    hop = one(line)
    assert (hop.by, hop.sender, hop.protocol, hop.id, hop.tls) == (by, sender, protocol, id, tls)


def test_a_clock_that_is_behind_makes_no_negative_delay() -> None:
    assert [hop.delay for hop in stamped(5, 4, 6)] == [None, timedelta(0), 2 * SECOND]


def test_a_hop_without_a_date_is_passed_over_by_the_delays() -> None:
    middle = b"Received: by middle; nonsense\r\nReceived: from probe by"
    first, second, third = path(TWO_HOPS.replace(b"Received: from probe by", middle))
    assert (second.at, second.delay) == (None, None)
    assert (first.delay, third.delay) == (None, 5 * SECOND)


@pytest.mark.parametrize(
    "second, skew",
    [(-2, None), (-3, -3), (0, None), (10, None), (12, None), (13, 3), (3610, 3600), (-3600, -3600)],
)
def test_a_stamp_from_outside_of_the_messages_life_shows_a_wrong_clock(second: int, skew: int | None) -> None:
    [hop] = stamped(second)
    assert hop.skew == (None if skew is None else skew * SECOND)


def test_a_wrong_clock_makes_no_delay() -> None:
    assert [hop.delay for hop in stamped(1, 38, 3)] == [None, None, 2 * SECOND]
    assert [hop.delay for hop in stamped(-3600, 1, 3)] == [None, None, 2 * SECOND]


@pytest.mark.parametrize(
    "seconds, notes",
    [
        ((1, 2, 3), []),
        ((1, 47, 3), ["the clock of b runs at least 37 s ahead"]),
        ((-60, 2, 3), ["the clock of a runs at least 60 s behind"]),
        ((8, 7, 6), []),
        ((9, 6), ["the clocks of a and b disagree by at least 3 s"]),
    ],
)
def test_wrong_clocks_are_told_in_words(seconds: tuple[int, ...], notes: list[str]) -> None:
    assert list(clock_notes(stamped(*seconds))) == notes


@pytest.mark.parametrize(
    "text, at",
    [
        ("Sun, 1 Mar 2026 12:00:00 +0000", NOW),
        ("Sun, 1 Mar 2026 12:00:00 -0000", NOW),
        ("Sun, 1 Mar 2026 12:00:00 +0000 (UTC)", NOW),
        ("Tue, 31 Mar 2026 12:00:10 +0000", datetime(2026, 3, 31, 12, 0, 10, tzinfo=UTC)),
        ("Tue, 31 Mar 2026 12:00:11 +0000", None),  # more than thirty days off
        ("Fri, 30 Jan 2026 12:00:10 +0000", datetime(2026, 1, 30, 12, 0, 10, tzinfo=UTC)),
        ("Fri, 30 Jan 2026 12:00:09 +0000", None),
        ("Mon, 1 Jan 0001 00:00:00 +2359", None),
        ("99 Foo 2026", None),
        ("", None),
    ],
)
def test_a_date_is_believed_when_it_is_one_and_not_absurd(text: str, at: datetime | None) -> None:
    assert dated(text) == at


def test_a_loop_is_read_only_so_far() -> None:
    assert len(path(b"Received: by a; x\r\n" * (MOST + 1))) == MOST


@given(st.binary(max_size=200), st.text(max_size=60))
def test_garbage_never_raises(raw: bytes, date: str) -> None:
    header = b"Received: by \xff with " + raw + b"\r\nReceived: by b; " + date.encode() + b"\r\n"
    for hop in path(header):
        assert hop.delay is None or hop.delay >= timedelta(0)
    list(clock_notes(path(header)))


@pytest.mark.parametrize(
    "line",
    [b"(" * 64_000, b"()" * 32_000, b"by " * 20_000, b"by a\r\n\t" * 10_000, b"by a;" + b"9" * 60_000, b";" * 60_000],
    ids=["open", "pairs", "by", "folds", "digits", "semicolons"],
)
@pytest.mark.timeout(5)
def test_a_hostile_line_is_read_in_bounded_time(line: bytes) -> None:
    path(b"Received: " + line + b"\r\n")
    path((b"Received: " + line[:1200] + b"\r\n") * 50)
