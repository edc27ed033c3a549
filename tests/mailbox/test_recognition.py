"""How much is read of which message."""

import pytest

from probe.mailbox.recognition import BODY_CAP, REPORT_CAP, wanted_octets

MUCH = 10 * 1024 * 1024
TAG_FIELD = b"Mailflow-Probe: AAAA\r\n"


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Type: multipart/report; report-type=delivery-status",
        b"Content-Type:\r\n\tmultipart/report",
        b"Return-Path: <>",
        b"Return-path: <MAILER-DAEMON>",
        b"X-Failed-Recipients: nobody@example.org",
        b"From: Mail Delivery Subsystem <mailer-daemon@example.org>",
        b"Subject: Undelivered Mail Returned to Sender",
        b"SUBJECT: failure notice",
    ],
)
def test_what_looks_like_a_bounce_is_read_as_far_as_a_tag_is_looked_for(field: bytes) -> None:
    header = b"To: probe@lab.test\r\n" + field + b"\r\n"

    assert wanted_octets(header, size=MUCH) == REPORT_CAP
    assert wanted_octets(header, size=3000) == 3000
    assert wanted_octets(TAG_FIELD + header, size=MUCH) == 0


@pytest.mark.parametrize(
    "header, octets",
    [
        (b"Subject: dinner\r\nFrom: a@lab.test\r\n", 0),
        (b"Auto-Submitted: auto-replied\r\nReturn-Path: <>\r\n", 0),
        (b"From: postmaster@example.org\r\n", 0),
        (b"Subject: dinner\r\nX-Note: Return-Path: <>\r\n", 0),
        (b"Return-Path: <a@lab.test>\r\nAuto-Submitted: no\r\nContent-Type: multipart/mixed\r\n", 0),
        (b"Subject: [SPAM] Mail flow test abc\r\n", BODY_CAP),
        (b"Subject: Mail flow test abc\r\n" + TAG_FIELD, 0),
    ],
)
def test_of_a_strangers_mail_the_header_is_read_only(header: bytes, octets: int) -> None:
    assert wanted_octets(header, size=MUCH) == octets
