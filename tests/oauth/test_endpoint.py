"""Asking a token endpoint: what is sent, what is believed, and how every fault of it ends."""

import ssl
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
import trustme

from probe.model.secret import Secret
from probe.oauth.endpoint import ask
from probe.ports import TokenTrouble
from tests.oauth.endpoint import SECRET, Answer, endpoint, granted

PATIENT_SECONDS = 10.0
HASTY_SECONDS = 0.3


def hang(client: BinaryIO, over: threading.Event) -> None:
    over.wait()


def drip_head(client: BinaryIO, over: threading.Event) -> None:
    client.write(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.02):
        client.write(b"X: x\r\n")


def drip_body(client: BinaryIO, over: threading.Event) -> None:
    client.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n")
    while not over.wait(0.02):
        client.write(b" ")


def raw(octets: bytes) -> Answer:
    return lambda client, over: (client.write(octets), None)[1]


def test_a_client_asks_by_its_own_right() -> None:
    with endpoint() as server:
        found = ask(server.grant(scope="mail"), seconds=PATIENT_SECONDS)
        assert (found.token, found.lifetime, found.refresh_token) == (Secret("t0ken"), timedelta(hours=1), None)
        assert server.forms == [
            {"grant_type": "client_credentials", "client_id": "probe", "client_secret": SECRET, "scope": "mail"}
        ]


def test_a_refresh_token_is_shown_where_there_is_one() -> None:
    with endpoint(granted(refresh_token="r2")) as server:
        found = ask(server.grant(refresh="r1"), seconds=PATIENT_SECONDS)
        assert found.refresh_token == Secret("r2")
        assert server.forms[0]["grant_type"] == "refresh_token"
        assert server.forms[0]["refresh_token"] == "r1"


def test_a_public_client_has_no_secret_to_show() -> None:
    with endpoint() as server:
        ask(replace(server.grant(refresh="r1"), client_secret=None), seconds=PATIENT_SECONDS)
        assert "client_secret" not in server.forms[0]


@pytest.mark.parametrize(
    "said, lifetime",
    [
        (60, timedelta(minutes=1)),
        ("60", timedelta(minutes=1)),
        (0, timedelta(0)),
        (None, timedelta(minutes=5)),
        (-1, timedelta(minutes=5)),
        (True, timedelta(minutes=5)),
        ("soon", timedelta(minutes=5)),
        ([], timedelta(minutes=5)),
        (10**11, timedelta(days=365)),
    ],
)
def test_a_token_lives_as_long_as_the_endpoint_says(said: object, lifetime: timedelta) -> None:
    with endpoint(granted(expires_in=said)) as server:
        assert ask(server.grant(), seconds=PATIENT_SECONDS).lifetime == lifetime


@pytest.mark.parametrize(
    "answer, said",
    [
        ((400, {"error": "invalid_grant", "error_description": "it is revoked"}), "invalid_grant: it is revoked"),
        ((401, {"error": "invalid_client"}), "refused a token: invalid_client"),
        ((400, {"error": "x\r\n\x1b[2J"}), r"x\r\n\x1b[2J"),
        ((400, {"error": f"bad {SECRET}"}), r"bad \*\*\*"),
        ((400, {"error": "bad cl1ent%26secret of r1-secret"}), r"bad \*\*\* of \*\*\*"),
        ((400, {"error": 7}), "status 400"),
        ((500, b"<html>"), "status 500"),
        ((302, b""), "status 302"),
        ((201, {"access_token": "t"}), "status 201"),
        ((200, b""), "without a token"),
        ((200, b"[" * 50_000), "without a token"),
        ((200, b"\xff\xfe"), "without a token"),
        ((200, ["t0ken"]), "without a token"),
        ((200, {"token_type": "Bearer"}), "without a token"),
        (granted(""), "without a token"),
        (granted("a b"), "without a token"),
        (granted("a\r\nQUIT"), "without a token"),
        (granted("t" * 8193), "without a token"),
        (granted(token_type="mac"), "none for a bearer"),
        (granted(token_type=None), "none for a bearer"),
        ((200, b" " * 70_000), "more than a token"),
        (raw(b"220 mx.test ESMTP\r\n"), "cannot be asked: BadStatusLine"),
        (raw(b""), "cannot be asked"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000), "cannot be asked: HTTPException"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), "cannot be asked: LineTooLong"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "cannot be asked: IncompleteRead"),
    ],
)
def test_what_is_no_token_is_told_in_a_sentence(answer: Answer, said: str) -> None:
    with endpoint(answer) as server, pytest.raises(TokenTrouble) as trouble:
        ask(server.grant(refresh="r1-secret"), seconds=PATIENT_SECONDS)
    assert server.url in str(trouble.value)
    assert len(str(trouble.value).splitlines()) == 1
    assert SECRET not in str(trouble.value)
    trouble.match(said.replace("[2J", r"\[2J").replace(r"\r\n\x1b", r"\\r\\n\\x1b"))


@pytest.mark.parametrize("fault", [hang, drip_head, drip_body], ids=lambda fault: fault.__name__)
def test_a_slow_endpoint_is_left_in_time(fault: Answer) -> None:
    with endpoint(fault) as server:
        began = time.monotonic()
        with pytest.raises(TokenTrouble, match="did not answer in time"):
            ask(server.grant(), seconds=HASTY_SECONDS)
        assert time.monotonic() - began < HASTY_SECONDS + 2


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with endpoint() as server:
        gone = server.grant()
    with pytest.raises(TokenTrouble, match="cannot be asked: Connection refused"):
        ask(gone, seconds=PATIENT_SECONDS)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def served_as(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_the_endpoint_is_known_by_its_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with endpoint(tls=served_as(authority, "127.0.0.1")) as server:
        grant = server.grant(ca_file=tmp_path / "ca.pem")
        assert ask(grant, seconds=PATIENT_SECONDS).token == Secret("t0ken")


@pytest.mark.parametrize("name, known", [("127.0.0.1", False), ("login.other.test", True)])
def test_nothing_is_said_to_an_endpoint_that_is_not_known(
    authority: trustme.CA, tmp_path: Path, name: str, known: bool
) -> None:
    (authority if known else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with endpoint(tls=served_as(authority, name)) as server:
        with pytest.raises(TokenTrouble, match="certificate that is not accepted"):
            ask(server.grant(ca_file=tmp_path / "ca.pem"), seconds=PATIENT_SECONDS)
        assert server.forms == []
