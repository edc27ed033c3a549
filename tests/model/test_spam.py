"""What is told of a spam filter's findings."""

import time

import pytest

from probe.model.spam import FIELDS, LONGEST, spam_fields

SPAMASSASSIN = (
    b"Received: from a by b; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    b"X-Spam-Flag: YES\r\n"
    b"X-Spam-Status: Yes, score=1005.8 required=5.0 tests=GTUBE,\r\n\tNO_RELAYS autolearn=no\r\n"
    b"Subject: X-Spam-Score: 1\r\n"
    b"X-Spam-Status: No, score=0\r\n"
)


def test_fields_are_told_unfolded_the_most_telling_first_and_the_topmost_of_several() -> None:
    assert spam_fields(SPAMASSASSIN) == (
        "X-Spam-Status: Yes, score=1005.8 required=5.0 tests=GTUBE, NO_RELAYS autolearn=no",
        "X-Spam-Flag: YES",
    )


@pytest.mark.parametrize("name", FIELDS)
def test_every_known_field_is_found_in_any_case(name: str) -> None:
    assert spam_fields(f"a: b\n{name.upper()}: 9\n".encode()) == (f"{name}: 9",)


@pytest.mark.parametrize("header", [b"", b"Subject: hello\r\n", b"X-Spam-Status:\r\n", b"X-Spam-Statuses: Yes\r\n"])
def test_where_nothing_is_written_nothing_is_told(header: bytes) -> None:
    assert spam_fields(header) == ()


def test_what_is_written_is_escaped_and_cut() -> None:
    assert spam_fields(b"X-Spam-Flag: a\x1b[31mb\xff\xe2\x80\xaec") == ("X-Spam-Flag: a\\x1b[31mb\\xff\\u202ec",)
    [field] = spam_fields(b"X-Spam-Report: " + b"x" * 60_000)
    assert (len(field), field[-1]) == (len("X-Spam-Report: ") + LONGEST, "…")
    [escaped] = spam_fields(b"X-Spam-Report: " + b"\x01" * 60_000)
    assert len(escaped) <= len("X-Spam-Report: ") + LONGEST


def test_a_header_that_is_nothing_but_spam_fields_is_read_at_once() -> None:
    began = time.process_time()
    assert len(spam_fields(b"X-Spam-Flag: YES\r\n x\r\n" * 3000)) == 1
    assert len(spam_fields(b"X-Spam-Flag:" + b"\r\n " * 20_000)) == 0
    assert time.process_time() - began < 1
