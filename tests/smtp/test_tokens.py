"""Sending where members are logged in to by a token: where it comes from, and whose fault it is if it does not."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.oauth import Grant, TokenLogin
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.secret import Secret
from probe.model.settings import Member
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.oauth.source import Given, Late, NoToken
from tests.smtp.conftest import Run
from tests.smtp.scripted import Act, scripted
from tests.smtp.sending import ENVELOPE, PATIENT

GRANT = Grant("https://login.test/token", "probe", Secret("secret"))
SETTINGS = replace(PATIENT, login=TokenLogin("user", GRANT), login_without_tls=True)
OFFER: dict[str, Act] = {"EHLO": b"250-mx.test\r\n250 AUTH PLAIN XOAUTH2\r\n"}


async def send(port: int, tokens: Given, *, until: timedelta = timedelta(seconds=20)) -> Attempt:
    clock = SystemClock()
    member = Member("vip", "mta1", "127.0.0.1", port)
    return await SmtpSender(clock, tokens).send(member, ENVELOPE, settings=SETTINGS, until=clock.now() + until)


def test_the_token_is_shown_and_struck_out(run: Run) -> None:
    async def story() -> None:
        async with scripted(OFFER) as server:
            attempt = await send(server.port, Given("t0ken"))
        assert attempt.ending is Ending.ACCEPTED
        assert b"AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHQwa2VuAQE=" in server.heard
        assert "AUTH XOAUTH2 ***" in [exchange.sent for exchange in attempt.transcript]
        assert "t0ken" not in repr(attempt)

    run(story())


@pytest.mark.parametrize("tokens", [NoToken("invalid_grant"), Late()], ids=["refused", "late"])
def test_without_a_token_nothing_is_tried(tokens: Given) -> None:
    async def story() -> None:
        async with scripted(OFFER) as server:
            attempt = await send(server.port, tokens, until=timedelta(milliseconds=300))
        assert (attempt.ending, attempt.stage) == (Ending.NOT_TRIED, Stage.AUTH)
        assert attempt.reason.startswith("there is no token to log in with: ")
        assert server.sessions == 0

    asyncio.run(story())


def test_a_token_that_is_refused_is_told_to_its_source(run: Run) -> None:
    async def story() -> None:
        tokens = Given("t0ken")
        async with scripted({**OFFER, "AUTH": b"535 5.7.8 wrong token\r\n"}) as server:
            attempt = await send(server.port, tokens)
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED, Stage.AUTH)
        assert tokens.refusals == [GRANT]

    run(story())


def test_a_token_that_was_taken_is_kept(run: Run) -> None:
    async def story() -> None:
        tokens = Given("t0ken")
        async with scripted({**OFFER, "RCPT": b"550 5.1.1 nobody\r\n"}) as server:
            attempt = await send(server.port, tokens)
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED, Stage.RCPT)
        assert tokens.refusals == []

    run(story())


def test_over_a_kept_connection_no_token_is_asked_for_or_shown(run: Run) -> None:
    async def story() -> None:
        clock, settings = SystemClock(), replace(SETTINGS, reuse=timedelta(seconds=20))
        tokens = Given("t0ken")
        sender = SmtpSender(clock, tokens)
        async with scripted({**OFFER, "RSET": b"250 ok\r\n"}) as server:
            member = Member("vip", "mta1", "127.0.0.1", server.port)
            for _ in range(3):
                attempt = await sender.send(
                    member, ENVELOPE, settings=settings, until=clock.now() + timedelta(seconds=20)
                )
                assert attempt.ending is Ending.ACCEPTED
            await sender.close()
        assert (server.sessions, tokens.asked) == (1, 1)
        assert sum(line.startswith(b"AUTH") for line in server.heard) == 1

    run(story())


def test_a_challenge_is_struck_out_too(run: Run) -> None:
    async def story() -> None:
        async with scripted({**OFFER, "AUTH": b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"}) as server:
            attempt = await send(server.port, Given("t0ken"))
        said = [(exchange.sent, str(exchange.reply)) for exchange in attempt.transcript if exchange.stage is Stage.AUTH]
        assert said[0] == ("AUTH XOAUTH2 ***", "334 ***")
        assert said[1][0] == "***"

    run(story())
