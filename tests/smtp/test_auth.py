"""Logging in: by which mechanism, what is said, and what nobody gets to see."""

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from probe.model.oauth import Bearer
from probe.model.reply import Reply
from probe.model.secret import Secret
from probe.model.settings import Login
from probe.smtp.auth import choose
from probe.smtp.commands import LONGEST, Say
from probe.smtp.scram import Untrue

USER = Login("user", Secret("secret"))
BEARER = Bearer("user@lab.test", Secret("t0ken"), "mx.lab.test", 587)
ASKS = Reply(334, ("",))
WELCOME = Reply(235, ("welcome",))
WRONG = Reply(535, ("wrong",), "5.7.8")
CANCELLED = Reply(501, ("cancelled",))
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
ALL = (*PASSWORD_MECHANISMS, "OAUTHBEARER", "XOAUTH2")


class Conversation:
    """A login by one mechanism, answered by these replies as far as they go."""

    def __init__(self, mechanism: str, login: Login | Bearer, *replies: Reply) -> None:
        exchange = choose([mechanism], login, encrypted=True)
        assert exchange
        self.said: list[Say] = []
        self.reply: Reply | None = None
        self.untrue = ""
        heard = iter(replies)
        try:
            self.said.append(next(exchange))
            for reply in heard:
                self.said.append(exchange.send(reply))
        except StopIteration as stop:
            self.reply = stop.value
        except Untrue as untrue:
            self.untrue = str(untrue)
        assert next(heard, None) is None, "every reply was asked for"

    @property
    def octets(self) -> list[bytes]:
        return [say.octets for say in self.said]


def challenge(text: str) -> Reply:
    return Reply(334, (b64encode(text.encode()).decode(),))


@pytest.mark.parametrize(
    "offered, encrypted, best",
    [
        (ALL, True, "AUTH SCRAM-SHA-256 ***"),
        (ALL, False, "AUTH SCRAM-SHA-256 ***"),
        (("CRAM-MD5", "LOGIN", "PLAIN"), True, "AUTH PLAIN ***"),
        (("CRAM-MD5", "LOGIN", "PLAIN"), False, "AUTH CRAM-MD5"),
        (("CRAM-MD5", "LOGIN"), True, "AUTH LOGIN"),
        (("LOGIN", "PLAIN"), False, "AUTH PLAIN ***"),
        (("CRAM-MD5",), True, "AUTH CRAM-MD5"),
    ],
)
def test_a_password_is_shown_by_the_best_mechanism(offered: tuple[str, ...], encrypted: bool, best: str) -> None:
    exchange = choose(offered, USER, encrypted=encrypted)
    assert exchange
    assert next(exchange).shown == best


@pytest.mark.parametrize("offered, best", [(ALL, "AUTH OAUTHBEARER ***"), (("PLAIN", "XOAUTH2"), "AUTH XOAUTH2 ***")])
def test_a_token_is_shown_by_the_best_mechanism(offered: tuple[str, ...], best: str) -> None:
    exchange = choose(offered, BEARER, encrypted=True)
    assert exchange
    assert next(exchange).shown == best


@pytest.mark.parametrize("offered", [(), ("DIGEST-MD5", "GSSAPI"), ("XOAUTH2", "OAUTHBEARER")])
def test_a_password_is_shown_by_no_mechanism_that_does_not_take_one(offered: tuple[str, ...]) -> None:
    assert choose(offered, USER, encrypted=True) is None


@pytest.mark.parametrize("offered", [(), PASSWORD_MECHANISMS])
def test_a_token_is_shown_by_no_mechanism_that_does_not_take_one(offered: tuple[str, ...]) -> None:
    assert choose(offered, BEARER, encrypted=True) is None


def test_plain_says_all_at_once() -> None:
    talk = Conversation("PLAIN", Login("user", Secret("pässword")), WELCOME)
    assert talk.octets == [b"AUTH PLAIN AHVzZXIAcMOkc3N3b3Jk\r\n"]
    assert talk.reply is WELCOME


@pytest.mark.parametrize("password_length, at_once", [(369, True), (370, False)])
def test_plain_waits_to_be_asked_when_the_line_would_be_too_long(password_length: int, at_once: bool) -> None:
    login = Login("u", Secret("p" * password_length))
    talk = Conversation("PLAIN", login, *([WELCOME] if at_once else [ASKS, WELCOME]))
    assert (len(talk.said) == 1) is at_once
    assert len(talk.octets[0]) <= LONGEST
    assert b64decode(talk.octets[-1].split()[-1]) == b"\0u\0" + b"p" * password_length


def test_login_answers_two_questions() -> None:
    talk = Conversation("LOGIN", USER, ASKS, ASKS, WELCOME)
    assert talk.octets == [b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", b"c2VjcmV0\r\n"]
    assert talk.reply is WELCOME


def test_cram_md5_is_as_in_rfc_2195() -> None:
    login = Login("tim", Secret("tanstaaftanstaaf"))
    asked = Reply(334, ("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",))
    talk = Conversation("CRAM-MD5", login, asked, WELCOME)
    assert talk.octets == [b"AUTH CRAM-MD5\r\n", b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n"]


def test_scram_ends_with_an_empty_answer_to_a_server_that_proved_itself() -> None:
    exchange = choose(["SCRAM-SHA-256"], USER, encrypted=True)
    assert exchange
    first = b64decode(next(exchange).octets.split()[-1]).decode()
    server = ScramServer(first, password="secret")
    final = exchange.send(challenge(server.challenge))
    ending = exchange.send(challenge(server.verdict(b64decode(final.octets).decode())))
    assert ending.octets == b"\r\n"
    with pytest.raises(StopIteration) as end:
        exchange.send(WELCOME)
    assert end.value.value is WELCOME


class ScramServer:
    """The other side of SCRAM-SHA-256, written from RFC 5802 3."""

    def __init__(self, first: str, *, password: str) -> None:
        self._bare = first.removeprefix("n,,")
        nonce = self._bare.partition(",r=")[2]
        self.challenge = f"r={nonce}theirs,s={b64encode(b'salt').decode()},i=4096"
        self._salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 4096)

    def verdict(self, final: str) -> str:
        unproved, _, proof = final.partition(",p=")
        signed = f"{self._bare},{self.challenge},{unproved}".encode()
        client_key = hmac.digest(self._salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        if bytes(a ^ b for a, b in zip(b64decode(proof), signature, strict=True)) != client_key:
            return "e=invalid-proof"
        return (
            "v=" + b64encode(hmac.digest(hmac.digest(self._salted, b"Server Key", "sha256"), signed, "sha256")).decode()
        )


@pytest.mark.parametrize(
    "replies, said",
    [
        ([WELCOME], "let us in without a proof"),
        ([challenge("r=other,s=AAAA,i=4096"), CANCELLED], "does not belong to this login"),
        ([Reply(334, ("%%%",)), CANCELLED], "cannot be read"),
    ],
)
def test_a_server_that_cheats_at_scram_is_left(replies: list[Reply], said: str) -> None:
    talk = Conversation("SCRAM-SHA-256", USER, *replies)
    assert said in talk.untrue
    assert talk.octets[1:] == [b"*\r\n"] * (len(replies) - 1)


@pytest.mark.parametrize("last, raised", [(WELCOME, Untrue), (WRONG, StopIteration)])
def test_after_our_proof_only_a_refusal_needs_none_of_theirs(last: Reply, raised: type[Exception]) -> None:
    exchange = choose(["SCRAM-SHA-256"], USER, encrypted=True)
    assert exchange
    server = ScramServer(b64decode(next(exchange).octets.split()[-1]).decode(), password="secret")
    exchange.send(challenge(server.challenge))
    with pytest.raises(raised):
        exchange.send(last)


def test_a_false_proof_is_not_acknowledged() -> None:
    exchange = choose(["SCRAM-SHA-256"], USER, encrypted=True)
    assert exchange
    server = ScramServer(b64decode(next(exchange).octets.split()[-1]).decode(), password="secret")
    exchange.send(challenge(server.challenge))
    assert exchange.send(challenge("v=AAAA")).octets == b"*\r\n"
    with pytest.raises(Untrue, match="did not prove"):
        exchange.send(CANCELLED)


def test_an_error_in_place_of_the_proof_is_a_refusal() -> None:
    exchange = choose(["SCRAM-SHA-256"], USER, encrypted=True)
    assert exchange
    server = ScramServer(b64decode(next(exchange).octets.split()[-1]).decode(), password="another")
    final = exchange.send(challenge(server.challenge))
    assert exchange.send(challenge(server.verdict(b64decode(final.octets).decode()))).octets == b"*\r\n"
    with pytest.raises(StopIteration) as end:
        exchange.send(CANCELLED)
    assert end.value.value is CANCELLED


def test_a_challenge_of_cram_md5_that_cannot_be_read_is_not_answered() -> None:
    talk = Conversation("CRAM-MD5", USER, Reply(334, ("%%%",)), CANCELLED)
    assert talk.octets[-1] == b"*\r\n"
    assert "cannot be read" in talk.untrue


@pytest.mark.parametrize(
    "mechanism, response",
    [
        ("XOAUTH2", b"user=user@lab.test\x01auth=Bearer t0ken\x01\x01"),
        ("OAUTHBEARER", b"n,a=user@lab.test,\x01host=mx.lab.test\x01port=587\x01auth=Bearer t0ken\x01\x01"),
    ],
)
def test_a_token_is_shown_to_the_octet(mechanism: str, response: bytes) -> None:
    talk = Conversation(mechanism, BEARER, WELCOME)
    assert talk.octets == [f"AUTH {mechanism} ".encode() + b64encode(response) + b"\r\n"]
    assert talk.reply is WELCOME


@pytest.mark.parametrize("mechanism, answer", [("XOAUTH2", b"\r\n"), ("OAUTHBEARER", b"AQ==\r\n")])
def test_a_failure_is_acknowledged_so_that_the_refusal_can_come(mechanism: str, answer: bytes) -> None:
    talk = Conversation(mechanism, BEARER, challenge('{"status":"401"}'), WRONG)
    assert talk.octets[-1] == answer
    assert talk.reply is WRONG


def test_a_long_token_waits_to_be_asked() -> None:
    bearer = Bearer("u", Secret("t" * 2000), "mx", 25)
    talk = Conversation("XOAUTH2", bearer, ASKS, WELCOME)
    assert talk.octets == [b"AUTH XOAUTH2\r\n", b64encode(bearer.response("XOAUTH2").encode()) + b"\r\n"]


@pytest.mark.parametrize(
    "mechanism, login, replies",
    [(mechanism, USER, [WRONG]) for mechanism in PASSWORD_MECHANISMS]
    + [("LOGIN", USER, [ASKS, WRONG]), ("LOGIN", USER, [ASKS, ASKS, WRONG]), ("CRAM-MD5", USER, [ASKS, WRONG])]
    + [(mechanism, BEARER, [WRONG]) for mechanism in ("XOAUTH2", "OAUTHBEARER")],
)
def test_a_login_stops_where_it_is_refused(mechanism: str, login: Login | Bearer, replies: list[Reply]) -> None:
    talk = Conversation(mechanism, login, *replies)
    assert len(talk.said) == len(replies)
    assert talk.reply is WRONG


@pytest.mark.parametrize(
    "mechanism, login, replies",
    [
        ("PLAIN", USER, [WELCOME]),
        ("LOGIN", USER, [ASKS, ASKS, WELCOME]),
        ("CRAM-MD5", USER, [ASKS, WELCOME]),
        ("SCRAM-SHA-256", USER, [WRONG]),
        ("XOAUTH2", BEARER, [ASKS, WRONG]),
        ("OAUTHBEARER", BEARER, [ASKS, WRONG]),
    ],
)
def test_secrets_are_struck_out(mechanism: str, login: Login | Bearer, replies: list[Reply]) -> None:
    shown = repr(Conversation(mechanism, login, *replies).said)
    for secret in ("secret", "c2VjcmV0", "dXNlcg", "AHVzZXIAc2VjcmV0", "t0ken", "dXNlcj", "bixhPXVzZXJ"):
        assert secret not in shown
