import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model import tag
from probe.model.letter import Kind, recognise
from probe.model.message import compose
from probe.model.settings import TagKey
from tests.model.build import KEY, NOW, SECOND, letter, probe, route

MESSAGE = compose(route(), probe(), KEY).message
HEADER, BODY = MESSAGE.split(b"\r\n\r\n", 1)
[TAG] = tag.written_in_header(HEADER)
PLAIN = b"From: a@lab.test\r\nSubject: hello\r\n"
FIELD = f"Mailflow-Probe: {TAG}\r\n".encode()
LINE = f"Mailflow: {TAG}\r\n".encode()


def kind(header: bytes, body: bytes = b"", *, keys: tuple[TagKey, ...] = (KEY,)) -> Kind:
    return recognise(letter(header, body), keys)[0]


def other_tag(*, seconds: int = 1) -> str:
    scope = tag.scope("vip", "inbound", "mta1")
    return tag.compose(KEY, instance="probe-a", scope=scope, id=bytes(12), time=NOW + seconds * SECOND)


def test_our_own_message_is_ours_and_its_tag_is_returned() -> None:
    found, proved = recognise(letter(HEADER, BODY), [KEY])
    assert found is Kind.OURS
    assert proved is not None
    assert proved.probe_id == probe().id


@pytest.mark.parametrize(
    "header, body",
    [(PLAIN + FIELD, b""), (PLAIN, LINE), (PLAIN + FIELD, LINE), (PLAIN + FIELD, LINE.lower()), (FIELD + FIELD, b"")],
)
def test_a_tag_in_header_or_body_is_enough(header: bytes, body: bytes) -> None:
    assert kind(header, body) is Kind.OURS


def test_a_message_without_a_tag_is_foreign() -> None:
    assert recognise(letter(PLAIN, b"hello\r\n"), [KEY]) == (Kind.FOREIGN, None)


@pytest.mark.parametrize(
    "header, body",
    [
        (FIELD, f"Mailflow: {other_tag()}".encode()),
        (FIELD + f"Mailflow-Probe: {other_tag()}\r\n".encode(), b""),
        (PLAIN, LINE + f"Mailflow: {other_tag()}".encode()),
    ],
)
def test_tags_that_disagree_prove_forgery_though_each_is_signed(header: bytes, body: bytes) -> None:
    assert kind(header, body) is Kind.FORGED


@pytest.mark.parametrize("text", ["A" * 64, "ME" + "A" * 62, TAG[:-1] + ("A" if TAG[-1] != "A" else "B")])
def test_a_tag_that_does_not_verify_is_forged_and_not_returned(text: str) -> None:
    header = f"Mailflow-Probe: {text}\r\n".encode()
    assert recognise(letter(header), [KEY]) == (Kind.FORGED, None)


@pytest.mark.parametrize("text", ["A" * 64, "ME" + "A" * 62, TAG[:-1] + ("A" if TAG[-1] != "A" else "B")])
def test_a_tag_in_the_body_that_nobody_signed_was_damaged_on_its_way(text: str) -> None:
    assert kind(FIELD, f"Mailflow: {text}\r\n".encode()) is Kind.OURS


def test_a_crowd_of_tags_in_the_body_is_no_damage() -> None:
    crowd = "".join(f"Mailflow: {letter * 64}\r\n" for letter in "ABCDEFGHIJK")
    assert kind(FIELD, crowd.encode()) is Kind.FORGED


def test_a_tag_of_another_instance_is_ours_as_far_as_the_key_can_tell() -> None:
    found, proved = recognise(letter(FIELD), [KEY])
    assert found is Kind.OURS
    assert proved is not None
    assert (proved.is_of("probe-a"), proved.is_of("probe-b")) == (True, False)


@pytest.mark.parametrize(
    "field",
    [
        b"In-Reply-To: <abc@lab.test>",
        b"References: <abc@lab.test>",
        b"Subject: Fwd: Mail flow test abcdefghijklmnopqrsa",
        b"Subject:\r\n FW: Mail flow test abcdefghijklmnopqrsa",
        b"Subject: AW: Mail flow test abcdefghijklmnopqrsa",
        b"Subject: Re[2]: Mail flow test abcdefghijklmnopqrsa",
    ],
)
def test_an_answer_that_quotes_us_is_somebody_elses(field: bytes) -> None:
    assert kind(PLAIN + field + b"\r\n", b"> " + LINE) is Kind.FOREIGN


REPORTS = [
    b"Return-Path: <>",
    b"RETURN-PATH:<MAILER-DAEMON>",
    b"Content-Type: multipart/report; report-type=delivery-status",
    b"Content-Type:\r\n multipart/report",
    b"Content-Type: multipart/report; report-type=delivery-status\r\nAuto-Submitted: auto-replied",
    b"X-Failed-Recipients: monitor@lab.test\r\nReturn-Path: <>\r\nAuto-Submitted: auto-replied",
    b"From: MAILER-DAEMON@lab.test",
    b"From: Mail Delivery System <x@lab.test>",
    b"Subject: Undeliverable: Mail flow test abcdefghijklmnopqrsa",
    b"Subject: failure notice",
]
TOP = b"To: probe@lab.test\r\n"


@pytest.mark.parametrize("field", REPORTS)
@pytest.mark.parametrize(
    "body",
    [
        f"Original-Envelope-Id: {TAG}\r\n".encode(),
        FIELD,
        b"> " + FIELD,
        b"Mailflow-Probe:\r\n " + TAG.encode() + b"\r\n",
        b"Mailflow-Probe: " + TAG[:50].encode() + b"=\r\n" + TAG[50:].encode() + b"\r\n",
        LINE,
        b"> > " + LINE.lower(),
        b"the message with the id " + TAG.encode() + b" was refused",
        MESSAGE,
        f"Original-Envelope-Id: {TAG}\r\n\r\n".encode() + MESSAGE,
    ],
    ids=[
        "envelope id",
        "header",
        "quoted",
        "folded",
        "quoted-printable",
        "body",
        "quoted body",
        "words",
        "all",
        "both",
    ],
)
def test_a_report_with_our_tag_is_about_our_message(field: bytes, body: bytes) -> None:
    found, proved = recognise(letter(TOP + field + b"\r\n", body), [KEY])
    assert found is Kind.REPORT
    assert proved
    assert proved.probe_id == probe().id


@pytest.mark.parametrize("field", REPORTS)
@pytest.mark.parametrize(
    "body, expected",
    [
        (b"no tag of anybody", Kind.FOREIGN),
        (f"Original-Envelope-Id: {TAG[:-1]}\r\n".encode(), Kind.FOREIGN),
        (b"Original-Envelope-Id: " + b"A" * 64, Kind.FORGED),
        (f"Original-Envelope-Id: {TAG}\r\nMailflow: {other_tag()}\r\n".encode(), Kind.FORGED),
        (MESSAGE + f"\r\nMailflow-Probe: {'A' * 64}\r\n".encode(), Kind.FORGED),
    ],
    ids=["none", "cut", "not signed", "two", "ours and a forged one"],
)
def test_a_report_without_our_tag_or_with_others_proves_nothing(field: bytes, body: bytes, expected: Kind) -> None:
    assert recognise(letter(TOP + field + b"\r\n", body), [KEY]) == (expected, None)


@pytest.mark.parametrize("field", REPORTS)
@pytest.mark.parametrize(
    "returned",
    [
        b"Return-Path: <>",
        b"Content-Type: multipart/report; boundary=b",
        b"X-Failed-Recipients: monitor@lab.test",
        b"From: Mail Delivery System <MAILER-DAEMON@lab.test>",
        b"Auto-Submitted: auto-replied",
    ],
)
def test_a_bounce_of_a_bounce_is_nobodys_business(field: bytes, returned: bytes) -> None:
    body = b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + returned + b"\r\n\r\n" + MESSAGE
    assert recognise(letter(TOP + field + b"\r\n", body), [KEY]) == (Kind.REPLY, None)


@pytest.mark.parametrize(
    "field",
    [
        b"Auto-Submitted: auto-replied",
        b"Auto-Submitted: auto-replied (vacation)",
        b"Return-Path: <>\r\nAuto-Submitted: auto-replied",
        b"Return-Path: <>\r\nX-Autoreply: yes",
        b"Precedence: auto_reply",
        b"Return-Path: <>\r\nContent-Type: multipart/report; report-type=disposition-notification",
        b'Content-Type: multipart/report;\r\n report-type="feedback-report"',
    ],
)
@pytest.mark.parametrize("body", [b"I am on holiday", MESSAGE], ids=["without", "with"])
def test_what_a_program_answers_is_nobodys_business(field: bytes, body: bytes) -> None:
    assert recognise(letter(PLAIN + field + b"\r\n", body), [KEY]) == (Kind.REPLY, None)


@pytest.mark.parametrize("mark", [b"[SPAM] ", b"***SPAM*** ", b"[EXTERNAL]: ", b"Report: "])
def test_our_own_message_is_ours_with_what_a_filter_writes_before_its_subject(mark: bytes) -> None:
    assert kind(b"Subject: " + mark + b"Mail flow test abcdefghijklmnopqrsa\r\n", BODY) is Kind.OURS


def test_our_own_message_is_ours_with_what_servers_add_on_the_way() -> None:
    added = b"Return-Path: <probe@lab.test>\r\nReceived: from a by b; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    assert kind(added + HEADER, BODY) is Kind.OURS


TAGGED = st.sampled_from([b"", FIELD, LINE, FIELD.lower(), b"Mailflow-Probe: " + b"Z" * 64, b"Mailflow:\xff"])


@given(header=st.binary(max_size=200), body=st.binary(max_size=200), one=TAGGED, two=TAGGED)
def test_garbage_never_raises(header: bytes, body: bytes, one: bytes, two: bytes) -> None:
    found, proved = recognise(letter(header + b"\n" + one, two + body), [KEY])
    assert (found is Kind.OURS) is (proved is not None)
