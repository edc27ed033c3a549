import hashlib
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model import tag
from probe.model.message import Envelope, body, compose, digest, sent_body
from probe.model.settings import Content, ContentKind, TagKey
from tests.model.build import KEY, NOW, PLAIN, TICK, probe, route

OTHER_KEY = TagKey("k2", b"fedcba9876543210")
EVERY_CONTENT = [*(Content(kind) for kind in ContentKind), Content(ContentKind.PLAIN, 65536)]


def written(content: Content = PLAIN) -> bytes:
    return compose(route(content), probe(), KEY).message


def text_of(content: Content) -> bytes:
    return written(content).split(b"\r\n\r\n", 1)[1]


def test_the_envelope_is_that_of_the_route() -> None:
    envelope = compose(route(), probe(), KEY)
    assert (envelope.sender, envelope.recipient) == ("probe@lab.test", "monitor@lab.test")


@pytest.mark.parametrize("content", EVERY_CONTENT, ids=str)
def test_lines_are_short_plain_and_end_by_crlf_only(content: Content) -> None:
    message = written(content)
    assert message.endswith(b"\r\n")
    for line in message.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert b"\0" not in line
        assert len(line) <= 78
    assert message.isascii()


def test_no_line_is_longer_than_smtp_bears_however_long_the_names_are() -> None:
    named = replace(probe(), instance="i" * 64, route="r" * 64, member="m" * 260)
    sender = f"{'l' * 64}@{'.'.join(['d' * 60] * 3)}.test"
    message = compose(replace(route(), sender=sender), named, KEY).message
    assert max(map(len, message.split(b"\r\n"))) <= 998
    assert message_from_bytes(message, policy=SMTP)["From"] == sender


@pytest.mark.parametrize("content", EVERY_CONTENT, ids=str)
def test_every_try_writes_the_same_bytes(content: Content) -> None:
    assert written(content) == written(content)


def test_the_header_has_what_a_natural_message_has() -> None:
    message = message_from_bytes(written(), policy=SMTP)
    assert not message.defects
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert message["Message-ID"] == f"<{probe().id}@lab.test>"
    assert message["From"] == "probe@lab.test"
    assert message["To"] == "monitor@lab.test"
    assert message["Subject"]
    assert message["MIME-Version"] == "1.0"
    assert message["Content-Transfer-Encoding"] == "7bit"


def test_nobody_answers_an_automatic_message() -> None:
    assert message_from_bytes(written(), policy=SMTP)["Auto-Submitted"] == "auto-generated"


def test_the_envelope_is_named_by_the_tag_that_is_in_the_header() -> None:
    envelope = compose(route(), probe(), KEY)
    assert {envelope.id} == tag.written_in_header(envelope.message.split(b"\r\n\r\n", 1)[0])


@pytest.mark.parametrize("content", EVERY_CONTENT, ids=str)
@pytest.mark.parametrize("sender", ["probe@lab.test", '"mail flow"@lab.test', "a.b+c@[192.0.2.1]"])
def test_it_is_what_the_email_library_writes(sender: str, content: Content) -> None:
    asked = replace(route(content), sender=sender, recipient=sender)
    [written] = tag.written_in_header(compose(asked, probe(), KEY).message.split(b"\r\n\r\n", 1)[0])
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(NOW)
    message["From"], message["To"] = sender, sender
    message["Message-ID"] = f"<{probe().id}@{sender.rpartition('@')[2]}>"
    message["Subject"] = f"Mail flow test {probe().id}"
    message["Auto-Submitted"] = "auto-generated"
    message["Mailflow-Probe"] = written
    message.set_content(body(asked, probe(), KEY), cte="7bit")
    assert compose(asked, probe(), KEY).message == message.as_bytes()


def test_fractions_of_a_second_are_left_out_of_the_date() -> None:
    later = replace(probe(), started=NOW + 7 * TICK)
    assert compose(route(), later, KEY).message == written()


def test_the_same_tag_is_in_the_header_and_in_the_body() -> None:
    header, body = written().split(b"\r\n\r\n", 1)
    assert tag.written_in_header(header) == tag.written_in_body(body) != set()


def test_the_tag_is_bound_to_pool_route_and_member() -> None:
    [text] = tag.written_in_header(written().split(b"\r\n\r\n", 1)[0])
    _, found = tag.verify(text, [KEY], instance="probe-a")
    assert found.scope == tag.scope("vip", "inbound", "mta1")
    assert found.time == NOW


def test_the_virus_test_file_is_a_line_of_its_own() -> None:
    digests = [
        hashlib.md5(line, usedforsecurity=False).hexdigest() for line in text_of(Content(ContentKind.EICAR)).split()
    ]
    assert sum(digest.startswith("44d88612") for digest in digests) == 1


def test_the_spam_test_line_is_a_line_of_its_own() -> None:
    lines = text_of(Content(ContentKind.GTUBE)).split(b"\r\n")
    assert sum(len(line) == 68 and b"GTUBE-STANDARD" in line for line in lines) == 1


@pytest.mark.parametrize("mark", [b"GTUBE", b"EICAR"])
def test_a_plain_message_has_neither(mark: bytes) -> None:
    assert mark not in written()


def test_the_text_that_was_sent_is_known_again_by_its_digest() -> None:
    sent = replace(probe(), body_digest=digest(body(route(), probe(), KEY)))
    assert sent_body(route(), sent, [OTHER_KEY, KEY]) == body(route(), probe(), KEY)
    assert written().partition(b"\r\n\r\n")[2].decode().replace("\r\n", "\n") == body(route(), probe(), KEY)


@pytest.mark.parametrize(
    "asked, keys, known",
    [
        (Content(size=1), [KEY], True),  # the route asks for another content by now
        (PLAIN, [OTHER_KEY], True),  # the key is gone
        (PLAIN, [KEY], False),  # an older program sent it
    ],
)
def test_a_text_that_cannot_be_written_again_is_not_known(asked: Content, keys: list[TagKey], known: bool) -> None:
    sent = replace(probe(), body_digest=digest(body(route(), probe(), KEY)) if known else None)
    assert sent_body(route(asked), sent, keys) is None


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 65536])
def test_a_size_is_reached_and_hardly_passed(size: int) -> None:
    added = len(text_of(Content(ContentKind.PLAIN, size))) - len(text_of(Content()))
    assert size <= added <= size * 1.02 + 65


@given(st.binary(max_size=40))
def test_a_message_with_bare_line_ends_cannot_be_built(raw: bytes) -> None:
    clean = b"\r" not in raw.replace(b"\r\n", b"") and b"\n" not in raw.replace(b"\r\n", b"")
    if clean:
        assert Envelope("a", "b", raw).message == raw
    else:
        with pytest.raises(ValueError, match="CRLF"):
            Envelope("a", "b", raw)


@pytest.mark.parametrize("raw", [b"\r", b"\n", b"a\nb\r\n", b"\r\n\r", b"\r\r\n", b"\n\r\n"])
def test_each_kind_of_bare_line_end_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="CRLF"):
        Envelope("a", "b", raw)
