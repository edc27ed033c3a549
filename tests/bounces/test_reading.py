"""What is read from the bounces of the common mailers, and from what only looks like one."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.bounces import BounceReader
from probe.bounces.reader import read
from probe.mailbox.recognition import REPORT_CAP
from probe.model.letter import Kind, recognise
from tests.bounces.examples import EXAMPLES, MESSAGE, NOTIFICATIONS, Example
from tests.model.build import KEY, letter, probe

POSTFIX = NOTIFICATIONS["Postfix"]


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_a_bounce_tells_what_its_mailer_wrote(example: Example) -> None:
    assert read(example.header, example.body) == example.tells


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_a_bounce_belongs_to_the_probe_whose_tag_it_returns(example: Example) -> None:
    kind, tag = recognise(letter(example.header, example.body), [KEY])

    assert kind is Kind.REPORT
    assert tag
    assert tag.probe_id == probe().id


def test_a_bounce_is_read_away_from_the_event_loop() -> None:
    assert asyncio.run(BounceReader().read(letter(POSTFIX.header, POSTFIX.body))) == POSTFIX.tells


VACATION = b"Return-Path: <>\r\nFrom: Somebody <a@lab.test>\r\nSubject: Out of office\r\n\r\n"


def test_what_does_not_say_that_anything_went_wrong_is_no_bounce() -> None:
    assert read(VACATION, b"I am on holiday.\r\n" + MESSAGE) is None


def test_texts_of_a_server_are_escaped_and_cut() -> None:
    hostile = POSTFIX.body.replace(b"mx.example.org", b"\x1b[31m\xff\xe2\x80\xae" + b"m" * 5000)

    told = read(POSTFIX.header, hostile)

    assert told
    assert told.remote_mta.startswith("\\x1b[31m")
    assert len(told.remote_mta) == 200


def nested(how_often: int) -> bytes:
    part = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    return b"\r\n" + b"".join(part % (level, level) for level in range(how_often))


def parts(how_many: int) -> bytes:
    return b"\r\n--=_bound\r\nContent-Type: text/plain\r\n\r\nx" * how_many


HOSTILE = {
    "parts in parts": nested(1500),
    "parts in parts, a few": nested(9),
    "messages in messages": b"\r\n--=_bound\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2000,
    "many parts": parts(1200),
    "many recipients": b"\r\n--=_bound\r\nContent-Type: message/delivery-status\r\n\r\n" + b"Action: x\r\n\r\n" * 5000,
    "a line without end": b"\r\n\r\n" + b"x" * REPORT_CAP,
    "an address without end": b"\r\n\r\nfailed addresses follow:\r\n" + b"a@" * (REPORT_CAP // 2),
    "nothing but empty lines": b"\r\n" * (REPORT_CAP // 2),
    "nothing but words of a bounce": b"Your message\r\nthe following addresses had\r\n" * 1000,
    "parameters": b"\r\n--=_bound\r\nContent-Type: text/plain" + b"; a=b" * 10000,
    "a folded field": b"\r\n--=_bound\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed"
    + b"\r\n x" * 15000,
    "nothing": b"",
    "zeros": bytes(REPORT_CAP),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("header", [POSTFIX.header, VACATION, b"\r\n"], ids=["report", "answer", "nothing"])
def test_hostile_mail_costs_little(header: bytes, body: bytes) -> None:
    began = time.process_time()

    read(header, body[:REPORT_CAP])

    assert time.process_time() - began < 1.5


@given(st.binary(max_size=400), st.binary(max_size=2000))
def test_garbage_never_raises(header: bytes, body: bytes) -> None:
    read(header, body)


@given(st.data())
def test_a_bounce_that_was_damaged_never_raises(data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(list(EXAMPLES.values())))
    start = data.draw(st.integers(0, len(example.raw)))
    end = data.draw(st.integers(start, min(len(example.raw), start + 60)))
    raw = example.raw[:start] + data.draw(st.binary(max_size=30)) + example.raw[end:]
    header, _, body = raw.partition(b"\r\n\r\n")

    told = read(header, body)

    assert told is None or str(told).isprintable()
    assert recognise(letter(header, body), [KEY])
