"""Mailboxes that are opened by a token: on scripted servers to the octet, and on Dovecot."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from probe.mailbox import access
from probe.model.oauth import Bearer, Grant, TokenLogin
from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Mailbox, Pop3Settings, Tls
from probe.ports import MailboxAccess, MailboxTrouble, Tokens
from tests.lab import MONITOR, Laboratory
from tests.lab.dovecot import IMAP_PORT, POP3_PORT
from tests.mailbox.scripted import Answer, scripted
from tests.mailbox.sites import CLOCK, reading, run
from tests.oauth.source import Given, NoToken

GRANT = Grant("https://login.test/token", "probe", Secret("secret"))
Kind = type[ImapSettings] | type[Pop3Settings]
PROTOCOLS = [(ImapSettings, IMAP_PORT), (Pop3Settings, POP3_PORT)]
MECHANISMS = ["XOAUTH2", "OAUTHBEARER"]
FAILURE = b64encode(b'{"status":"401"}')


def way(kind: Kind, port: int, tokens: Tokens, *, host: str = "127.0.0.1") -> MailboxAccess:
    settings = kind(host, TokenLogin(MONITOR, GRANT), port, Tls.NONE)
    return access(Mailbox("m", MONITOR, settings), CLOCK, tokens=tokens)


async def trouble(kind: Kind, port: int, tokens: Tokens) -> str:
    with pytest.raises(MailboxTrouble) as raised:
        async with reading(way(kind, port, tokens)) as reader:
            await reader.read()
    return str(raised.value)


def offering(kind: Kind, mechanism: str) -> tuple[bytes, dict[bytes, bytes]]:
    """Return a greeting, and the answer to the question what is offered."""
    if kind is Pop3Settings:
        return b"+OK hi\r\n", {b"CAPA": b"+OK\r\nSASL PLAIN %s\r\n.\r\n" % mechanism.encode()}
    offer = f"* CAPABILITY IMAP4rev1 AUTH={mechanism}\r\nTAG OK done\r\n"
    return b"* OK hi\r\n", {b"CAPABILITY": offer.encode()}


@asynccontextmanager
async def refusing(kind: Kind, mechanism: str, heard: list[bytes]) -> AsyncIterator[int]:
    """Serve a mailbox that asks for a token, tells of a failure, and refuses when that is acknowledged."""
    refusal = b"TAG NO wrong token\r\n" if kind is ImapSettings else b"-ERR wrong token\r\n"
    steps = iter((b"+ \r\n", b"+ " + FAILURE + b"\r\n", refusal))

    begun = b""

    async def exchange(writer: asyncio.StreamWriter, tag: bytes) -> None:
        nonlocal begun
        begun = begun or tag
        writer.write(next(steps).replace(b"TAG", begun))

    greeting, offer = offering(kind, mechanism)
    answers: dict[bytes, Answer] = {**offer, b"": exchange}
    async with scripted(greeting, answers, tagged=kind is ImapSettings, heard=heard) as port:
        yield port


@pytest.mark.parametrize("mechanism, acknowledged", [("XOAUTH2", b""), ("OAUTHBEARER", b"AQ==")])
@pytest.mark.parametrize("kind", [ImapSettings, Pop3Settings])
def test_a_token_is_shown_to_the_octet_and_its_failure_acknowledged(
    kind: Kind, mechanism: str, acknowledged: bytes
) -> None:
    async def test() -> None:
        heard: list[bytes] = []
        tokens = Given("t0ken")
        async with refusing(kind, mechanism, heard) as port:
            said = await trouble(kind, port, tokens)
            response = Bearer(MONITOR, Secret("t0ken"), "127.0.0.1", port).response(mechanism)
        asked, *exchange = (line for line in heard if b"CAPA" not in line)
        assert asked.split()[-2:] == [b"AUTHENTICATE" if kind is ImapSettings else b"AUTH", mechanism.encode()]
        assert exchange[:2] == [b64encode(response.encode()), acknowledged]
        assert f"refused the login of {MONITOR}" in said
        assert "wrong token" in said
        assert tokens.refusals == [GRANT]

    run(test)


@pytest.mark.parametrize("kind", [ImapSettings, Pop3Settings])
def test_a_server_that_takes_no_token_is_shown_none(kind: Kind) -> None:
    async def test() -> None:
        greeting, offer = offering(kind, "PLAIN")
        async with scripted(greeting, offer, tagged=kind is ImapSettings) as port:
            assert "does not offer to log in by OAUTHBEARER or XOAUTH2" in await trouble(kind, port, Given("t0ken"))

    run(test)


@pytest.mark.parametrize("kind", [ImapSettings, Pop3Settings])
def test_without_a_token_the_mailbox_is_in_trouble_and_its_server_left_alone(kind: Kind) -> None:
    async def test() -> None:
        said = await trouble(kind, 9, NoToken("invalid_grant"))
        assert said == f"there is no token for {MONITOR}: https://login.test/token refused a token: invalid_grant"

    run(test)


@pytest.mark.lab
@pytest.mark.parametrize("kind, port", PROTOCOLS)
def test_dovecot_lets_a_token_in(lab: Laboratory, kind: Kind, port: int) -> None:
    async def test() -> None:
        lab.deliver(MONITOR, b"Subject: hello\r\n\r\nbody\r\n")
        async with reading(way(kind, port, Given(lab.dovecot.token(MONITOR)), host=lab.hub)) as reader:
            assert (await reader.read()).messages == 1

    run(test)


@pytest.mark.lab
@pytest.mark.parametrize("kind, port", PROTOCOLS)
@pytest.mark.parametrize("user, age", [(MONITOR, timedelta(hours=1)), ("other@lab.test", timedelta(0))])
def test_dovecot_refuses_a_token_that_expired_or_is_for_another(
    lab: Laboratory, kind: Kind, port: int, user: str, age: timedelta
) -> None:
    async def test() -> None:
        tokens = Given(lab.dovecot.token(user, good_for=timedelta(minutes=30) - age))
        with pytest.raises(MailboxTrouble, match=f"refused the login of {MONITOR}"):
            async with reading(way(kind, port, tokens, host=lab.hub)) as reader:
                await reader.read()
        assert tokens.refusals == [GRANT]

    run(test)
