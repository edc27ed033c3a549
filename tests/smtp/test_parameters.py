"""What is asked for beside the addresses, and only where it is offered."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.message import Envelope
from probe.smtp.commands import Unsayable
from probe.smtp.extensions import Extensions
from probe.smtp.parameters import LONGEST_ID, of_mail, of_rcpt, xtext

TAG = "A2" * 32
ENVELOPE = Envelope("probe@lab.test", "monitor@lab.test", b"12345", id=TAG)
DSN: Extensions = {"DSN": ()}


@pytest.mark.parametrize(
    "offered, mail, rcpt",
    [
        ({}, "", ""),
        ({"SIZE": ("1000",)}, " SIZE=5", ""),
        (DSN, f" RET=HDRS ENVID={TAG}", " NOTIFY=FAILURE ORCPT=rfc822;monitor@lab.test"),
        ({**DSN, "SIZE": ()}, f" SIZE=5 RET=HDRS ENVID={TAG}", " NOTIFY=FAILURE ORCPT=rfc822;monitor@lab.test"),
        ({"XDSN": (), "PIPELINING": ()}, "", ""),
    ],
)
def test_only_what_is_offered_is_asked_for(offered: Extensions, mail: str, rcpt: str) -> None:
    assert (of_mail(ENVELOPE, offered), of_rcpt(ENVELOPE, offered)) == (mail, rcpt)


def test_an_envelope_without_an_id_is_named_by_none() -> None:
    assert of_mail(Envelope("a@b.test", "c@d.test"), DSN) == " RET=HDRS"


@pytest.mark.parametrize(
    "text, written",
    [
        # The addresses and the id of RFC 3461's appendix need no encoding.
        ("Bob@Example.COM", "Bob@Example.COM"),
        ("George@Tax-ME.GOV", "George@Tax-ME.GOV"),
        ("QQ314159", "QQ314159"),
        # RFC 3461 4: xchar is "!" to "~" but for "+" and "="; hexchar is "+" and two digits in upper case.
        ("!", "!"),
        ("~", "~"),
        (" ", "+20"),
        ("\x7f", "+7F"),
        ("+", "+2B"),
        ("=", "+3D"),
        ("monitor+tag=x@lab.test", "monitor+2Btag+3Dx@lab.test"),
        ('"a b"@lab.test', '"a+20b"@lab.test'),
        ("\r\n", "+0D+0A"),
        ("é", "+C3+A9"),
        ("", ""),
    ],
)
def test_xtext_is_written_as_the_rfc_says(text: str, written: str) -> None:
    assert xtext(text) == written


@given(st.text())
def test_xtext_is_read_back_and_never_ends_its_parameter(text: str) -> None:
    try:
        octets = text.encode()
    except UnicodeEncodeError:  # half a character, which no address holds
        return
    written = xtext(text)
    assert set(written) <= set(string.ascii_letters + string.digits + string.punctuation) - {"="}
    head, *rest = written.split("+")
    assert head.encode() + b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in rest) == octets


@pytest.mark.parametrize("id", ["A" * (LONGEST_ID + 1), "+" * 34, "é", "a\rb", "a\x7f"])
def test_an_id_that_no_notification_could_carry_is_refused(id: str) -> None:
    with pytest.raises(Unsayable):
        of_mail(Envelope("a@b.test", "c@d.test", id=id), DSN)


@pytest.mark.parametrize("id", ["A" * LONGEST_ID, "+" * 33, "a b"])
def test_an_id_within_the_limit_is_written(id: str) -> None:
    assert of_mail(Envelope("a@b.test", "c@d.test", id=id), DSN) == f" RET=HDRS ENVID={xtext(id)}"
