"""Connections that are kept, to two real MTAs: one for several messages, and what a server with a limit teaches."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings, Tls
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.lab import LabError, Laboratory
from tests.lab.exim import Exim, exim_alone
from tests.smtp.sending import PATIENT
from tests.smtp.test_real_servers import ENDINGS, ENVELOPE, told

pytestmark = pytest.mark.lab

KEEPING = replace(PATIENT, reuse=timedelta(seconds=20))


@contextmanager
def exim(options: str = "") -> Iterator[Exim]:
    try:
        with exim_alone(options) as server:
            yield server
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


def all_sent(
    address: str, port: int, recipients: list[str], *, settings: SmtpSettings = KEEPING, at_once: bool = False
) -> list[Attempt]:
    """Hand messages over by one sender, one after another or all at once."""

    async def story() -> list[Attempt]:
        clock = SystemClock()
        sender, member = SmtpSender(clock), Member("vip", "mta1", address, port, "mta1.lab.test")

        async def send(recipient: str) -> Attempt:
            envelope, until = replace(ENVELOPE, recipient=recipient), clock.now() + timedelta(seconds=30)
            return await sender.send(member, envelope, settings=settings, until=until)

        try:
            if at_once:
                return list(await asyncio.gather(*map(send, recipients)))
            return [await send(recipient) for recipient in recipients]
        finally:
            await sender.close()

    return asyncio.run(story())


def reused(attempts: list[Attempt]) -> list[bool]:
    return [all(exchange.reused for exchange in attempt.transcript) for attempt in attempts]


def expected() -> list[tuple[Ending, Stage, int]]:
    return [(ending, stage, code) for _, ending, stage, code in ENDINGS]


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after another"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
def test_postfix_takes_and_refuses_over_one_connection_what_it_does_over_many(
    lab: Laboratory, pipelining: bool, at_once: bool
) -> None:
    server, recipients = lab.member("mta1"), [recipient for recipient, *_ in ENDINGS]
    settings = replace(KEEPING, pipelining=pipelining)
    attempts = all_sent(server.address, server.port, recipients, settings=settings, at_once=at_once)
    assert [told(attempt) for attempt in attempts] == expected()
    assert reused(attempts) == [False, True, True, True, True]


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
def test_exim_takes_and_refuses_over_one_connection_what_it_does_over_many(pipelining: bool) -> None:
    with exim() as server:
        recipients = [recipient for recipient, *_ in ENDINGS]
        settings = replace(KEEPING, pipelining=pipelining)
        attempts = all_sent(server.address, server.port, recipients, settings=settings, at_once=True)
    assert [told(attempt) for attempt in attempts] == expected()
    assert reused(attempts) == [False, True, True, True, True]


def test_a_kept_connection_is_under_tls_and_still_tells_when_the_certificate_expires(lab: Laboratory) -> None:
    server = lab.member("mta1")
    settings = replace(KEEPING, tls=Tls.STARTTLS, verify=True, ca_file=lab.ca_file)
    attempts = all_sent(server.address, server.port, [ENDINGS[0][0]] * 3, settings=settings)
    assert [attempt.ending for attempt in attempts] == [Ending.ACCEPTED] * 3
    assert reused(attempts) == [False, True, True]
    assert len({attempt.certificate_expiry for attempt in attempts}) == 1
    assert attempts[2].certificate_expiry


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after another"])
def test_exim_with_one_message_for_each_connection_is_learned(at_once: bool) -> None:
    with exim("smtp_accept_max_per_connection = 1") as server:
        attempts = all_sent(server.address, server.port, [ENDINGS[0][0]] * 4, at_once=at_once)
    assert [attempt.ending for attempt in attempts] == [Ending.ACCEPTED] * 4
    # Only the second one met it, and went over a new connection at once.
    assert [attempt.transcript[0].reused for attempt in attempts] == [False, True, False, False]
    assert [Stage.CONNECT in attempt.stages for attempt in attempts] == [True] * 4
