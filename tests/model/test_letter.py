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


def kind(header: bytes, body: bytes = b"", *, instance: str = "probe-a", keys: tuple[TagKey, ...] = (KEY,)) -> Kind:
    return recognise(letter(header, body), keys, instance=instance)[0]


def other_tag(*, seconds: int = 1) -> str:
    scope = tag.scope("vip", "inbound", "mta1")
    return tag.compose(KEY, instance="probe-a", scope=scope, id=bytes(12), time=NOW + seconds * SECOND)


def test_our_own_message_is_ours_and_its_tag_is_returned() -> None:
    found, proved = recognise(letter(HEADER, BODY), [KEY], instance="probe-a")
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
    assert recognise(letter(PLAIN, b"hello\r\n"), [KEY], instance="probe-a") == (Kind.FOREIGN, None)


@pytest.mark.parametrize(
    "header, body",
    [
        (FIELD, f"Mailflow: {other_tag()}".encode()),
        (FIELD + f"Mailflow-Probe: {other_tag()}\r\n".encode(), b""),
        (PLAIN, LINE + f"Mailflow: {other_tag()}".encode()),
        (FIELD, f"Mailflow: {'A' * 64}".encode()),
    ],
)
def test_tags_that_disagree_prove_forgery_though_each_is_signed(header: bytes, body: bytes) -> None:
    assert kind(header, body) is Kind.FORGED


@pytest.mark.parametrize("text", ["A" * 64, "ME" + "A" * 62, TAG[:-1] + ("A" if TAG[-1] != "A" else "B")])
def test_a_tag_that_does_not_verify_is_forged_and_not_returned(text: str) -> None:
    header = f"Mailflow-Probe: {text}\r\n".encode()
    assert recognise(letter(header), [KEY], instance="probe-a") == (Kind.FORGED, None)


def test_a_tag_of_another_probe_is_known_as_such_and_not_returned() -> None:
    assert recognise(letter(FIELD), [KEY], instance="probe-b") == (Kind.OTHER_INSTANCE, None)


@pytest.mark.parametrize(
    "field",
    [
        b"Return-Path: <>",
        b"RETURN-PATH:<>",
        b"Auto-Submitted: auto-replied",
        b"Auto-Submitted: auto-replied (vacation)",
        b"Content-Type: multipart/report; report-type=delivery-status",
        b"Content-Type:\r\n multipart/report",
        b"In-Reply-To: <abc@lab.test>",
        b"References: <abc@lab.test>",
        b"Subject: Fwd: Mail flow test abcdefghijklmnopqrsa",
        b"Subject:\r\n FW: Mail flow test abcdefghijklmnopqrsa",
        b"Subject: AW: Mail flow test abcdefghijklmnopqrsa",
        b"Subject: Re[2]: Mail flow test abcdefghijklmnopqrsa",
    ],
)
def test_a_bounce_or_an_answer_that_quotes_us_is_somebody_elses(field: bytes) -> None:
    assert kind(PLAIN + field + b"\r\n", b"> " + LINE) is Kind.FOREIGN


def test_a_delivery_status_notification_with_our_whole_message_inside_is_foreign() -> None:
    header = b'Return-Path: <>\r\nContent-Type: multipart/report; boundary="b"; report-type=delivery-status\r\n'
    body = b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + MESSAGE + b"\r\n--b--\r\n"
    assert kind(header, body) is Kind.FOREIGN


@pytest.mark.parametrize("mark", [b"[SPAM] ", b"***SPAM*** ", b"[EXTERNAL]: ", b"Report: "])
def test_our_own_message_is_ours_with_what_a_filter_writes_before_its_subject(mark: bytes) -> None:
    assert kind(b"Subject: " + mark + b"Mail flow test abcdefghijklmnopqrsa\r\n", BODY) is Kind.OURS


def test_our_own_message_is_ours_with_what_servers_add_on_the_way() -> None:
    added = b"Return-Path: <probe@lab.test>\r\nReceived: from a by b; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    assert kind(added + HEADER, BODY) is Kind.OURS


TAGGED = st.sampled_from([b"", FIELD, LINE, FIELD.lower(), b"Mailflow-Probe: " + b"Z" * 64, b"Mailflow:\xff"])


@given(header=st.binary(max_size=200), body=st.binary(max_size=200), one=TAGGED, two=TAGGED)
def test_garbage_never_raises(header: bytes, body: bytes, one: bytes, two: bytes) -> None:
    found, proved = recognise(letter(header + b"\n" + one, two + body), [KEY], instance="probe-a")
    assert (found is Kind.OURS) is (proved is not None)
