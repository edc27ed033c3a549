"""How much is read of which message."""

import pytest

from probe.mailbox.recognition import BATCH_CAP, BEGINNING, REPORT_CAP, affordable, wanted_octets

OURS = 64 * 1024
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

    assert wanted_octets(header, size=MUCH, ours=OURS) == REPORT_CAP
    assert wanted_octets(header, size=3000, ours=OURS) == 3000
    assert wanted_octets(TAG_FIELD + header, size=MUCH, ours=OURS) == OURS


@pytest.mark.parametrize(
    "header, octets",
    [
        (b"Subject: dinner\r\nFrom: a@lab.test\r\n", 0),
        (b"Auto-Submitted: auto-replied\r\nReturn-Path: <>\r\n", 0),
        (b"From: postmaster@example.org\r\n", 0),
        (b"Subject: dinner\r\nX-Note: Return-Path: <>\r\n", 0),
        (b"Return-Path: <a@lab.test>\r\nAuto-Submitted: no\r\nContent-Type: multipart/mixed\r\n", 0),
        (b"Subject: [SPAM] Mail flow test abc\r\n", OURS),
        (b"Subject: Mail flow test abc\r\n" + TAG_FIELD, OURS),
    ],
)
def test_of_a_strangers_mail_the_header_is_read_only(header: bytes, octets: int) -> None:
    assert wanted_octets(header, size=MUCH, ours=OURS) == octets


def test_a_short_message_of_ours_is_read_whole() -> None:
    assert wanted_octets(TAG_FIELD, size=1000, ours=OURS) == 1000


def test_long_look_alikes_take_no_room_from_short_messages() -> None:
    long, short = [BATCH_CAP // 4] * 6, [1000] * 100
    granted = affordable(dict(enumerate([*long, *short])))

    assert [granted[key] for key in range(6, 106)] == short
    assert sorted(granted[key] for key in range(6)) == [BEGINNING] * 3 + long[:3]
    assert sum(granted.values()) < BATCH_CAP + 6 * BEGINNING
