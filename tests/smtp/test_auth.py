"""Logging in: what is said, and what nobody gets to see."""

from base64 import b64decode

import pytest

from probe.model.reply import Reply
from probe.model.secret import Secret
from probe.model.settings import Login
from probe.smtp.auth import choose
from probe.smtp.commands import LONGEST, Say

ASKS = Reply(334, ("",))
WELCOME = Reply(235, ("welcome",))
WRONG = Reply(535, ("wrong",), "5.7.8")


def conversation(mechanism: str, login: Login, *replies: Reply) -> tuple[list[Say], Reply]:
    """Log in, answered by these replies; return what was said, and the reply that decided."""
    exchange = choose([mechanism])
    assert exchange is not None
    script, said, heard = exchange(login), [], iter(replies)
    try:
        said.append(next(script))
        while True:
            said.append(script.send(next(heard)))
    except StopIteration as stop:
        return said, stop.value


@pytest.mark.parametrize(
    "offered, best",
    [
        (("PLAIN", "LOGIN"), "AUTH PLAIN ***"),
        (("LOGIN", "PLAIN"), "AUTH PLAIN ***"),
        (("LOGIN", "CRAM-MD5"), "AUTH LOGIN"),
    ],
)
def test_plain_is_preferred(offered: tuple[str, ...], best: str) -> None:
    exchange = choose(offered)
    assert exchange is not None
    assert next(exchange(Login("u", Secret("p")))).shown == best


@pytest.mark.parametrize("offered", [(), ("CRAM-MD5",)])
def test_no_mechanism_is_chosen_that_we_do_not_know(offered: tuple[str, ...]) -> None:
    assert choose(offered) is None


def test_plain_says_all_at_once() -> None:
    said, reply = conversation("PLAIN", Login("user", Secret("pässword")), WELCOME)
    assert [say.octets for say in said] == [b"AUTH PLAIN AHVzZXIAcMOkc3N3b3Jk\r\n"]
    assert reply is WELCOME


@pytest.mark.parametrize("password_length, at_once", [(369, True), (370, False)])
def test_plain_waits_to_be_asked_when_the_line_would_be_too_long(password_length: int, at_once: bool) -> None:
    login = Login("u", Secret("p" * password_length))
    said, _ = conversation("PLAIN", login, *([WELCOME] if at_once else [ASKS, WELCOME]))
    assert (len(said) == 1) is at_once
    assert len(said[0].octets) <= LONGEST
    assert b64decode(said[-1].octets.split()[-1]) == b"\0u\0" + b"p" * password_length


def test_login_answers_two_questions() -> None:
    said, reply = conversation("LOGIN", Login("user", Secret("secret")), ASKS, ASKS, WELCOME)
    assert [say.octets for say in said] == [b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", b"c2VjcmV0\r\n"]
    assert reply is WELCOME


@pytest.mark.parametrize("replies", [[WRONG], [ASKS, WRONG], [ASKS, ASKS, WRONG]])
def test_login_stops_where_it_is_refused(replies: list[Reply]) -> None:
    said, reply = conversation("LOGIN", Login("user", Secret("secret")), *replies)
    assert len(said) == len(replies)
    assert reply is WRONG


@pytest.mark.parametrize("mechanism, replies", [("PLAIN", [WELCOME]), ("LOGIN", [ASKS, ASKS, WELCOME])])
def test_secrets_are_struck_out(mechanism: str, replies: list[Reply]) -> None:
    said, _ = conversation(mechanism, Login("user", Secret("secret")), *replies)
    shown = repr(said)
    for secret in ("secret", "c2VjcmV0", "dXNlcg", "AHVzZXIAc2VjcmV0"):
        assert secret not in shown
