"""Two real MTAs: the same endings with and without pipelining, and notifications that name their probe."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, Tls
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.lab import DOMAIN, MONITOR, SENDER, LabError, Laboratory
from tests.lab.exim import Exim, exim_alone
from tests.smtp.sending import PATIENT, send

pytestmark = pytest.mark.lab

TAG = "A2B3" * 16
ENVELOPE = Envelope(SENDER, MONITOR, b"From: probe@lab.test\r\nSubject: test\r\n\r\n.dot\r\n", id=TAG)
ENDINGS = [
    (MONITOR, Ending.ACCEPTED, Stage.BODY, 250),
    (f"refuse-now@{DOMAIN}", Ending.REFUSED_FOR_NOW, Stage.RCPT, 450),
    (f"refuse@{DOMAIN}", Ending.REFUSED, Stage.RCPT, 550),
    (f"refuse-body-now@{DOMAIN}", Ending.REFUSED_FOR_NOW, Stage.BODY, 451),
    (f"refuse-body@{DOMAIN}", Ending.REFUSED, Stage.BODY, 550),
]


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    try:
        with exim_alone() as server:
            yield server
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


def sent(address: str, port: int, recipient: str, *, pipelining: bool = True) -> Attempt:
    settings = replace(PATIENT, pipelining=pipelining)
    return asyncio.run(send(port, address=address, settings=settings, envelope=replace(ENVELOPE, recipient=recipient)))


def told(attempt: Attempt) -> tuple[Ending, Stage, int | None]:
    return attempt.ending, attempt.stage, attempt.reply.code if attempt.reply else None


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("recipient, ending, stage, code", ENDINGS)
def test_postfix_is_understood(
    lab: Laboratory, recipient: str, ending: Ending, stage: Stage, code: int, pipelining: bool
) -> None:
    attempt = sent(lab.member("mta1").address, lab.member("mta1").port, recipient, pipelining=pipelining)
    assert told(attempt) == (ending, stage, code)
    assert any(exchange.pipelined for exchange in attempt.transcript) is pipelining
    assert attempt.transcript[-1].reply, "QUIT is answered"


@pytest.mark.parametrize("recipient, ending, stage, code", ENDINGS)
def test_postfix_is_understood_under_tls(
    lab: Laboratory, recipient: str, ending: Ending, stage: Stage, code: int
) -> None:
    member = lab.member("mta1")
    settings = replace(PATIENT, tls=Tls.STARTTLS, verify=True, ca_file=lab.ca_file)
    envelope = replace(ENVELOPE, recipient=recipient)
    sending = send(member.port, address=member.address, hostname=member.hostname, settings=settings, envelope=envelope)
    attempt = asyncio.run(sending)
    assert told(attempt) == (ending, stage, code)
    assert attempt.tls.version
    assert attempt.transcript[-1].reply, "QUIT is answered"


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("recipient, ending, stage, code", ENDINGS)
def test_exim_is_understood(
    exim: Exim, recipient: str, ending: Ending, stage: Stage, code: int, pipelining: bool
) -> None:
    attempt = sent(exim.address, exim.port, recipient, pipelining=pipelining)
    assert told(attempt) == (ending, stage, code)
    assert any(exchange.pipelined for exchange in attempt.transcript) is pipelining
    assert attempt.transcript[-1].reply, "QUIT is answered"


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("recipient, ending, code", [(to, ending, code) for to, ending, _, code in ENDINGS[:3]])
def test_exim_is_asked_and_nothing_is_sent(
    exim: Exim, recipient: str, ending: Ending, code: int, pipelining: bool
) -> None:
    clock, envelope = SystemClock(), replace(ENVELOPE, recipient=recipient)
    member, settings = Member("vip", "exim", exim.address, exim.port), replace(PATIENT, pipelining=pipelining)
    until = clock.now() + timedelta(seconds=20)
    attempt = asyncio.run(SmtpSender(clock).ask(member, envelope, settings=settings, until=until))
    assert told(attempt) == (ending, Stage.RCPT, code)
    assert not attempt.accepted
    said = [exchange.sent.split()[0] for exchange in attempt.transcript if exchange.sent]
    assert (said[-2:], "DATA" in said) == (["RSET", "QUIT"], False)


def test_exim_refuses_a_sender_of_another_domain_its_relay(exim: Exim) -> None:
    assert told(sent(exim.address, exim.port, "somebody@elsewhere.test")) == (Ending.REFUSED, Stage.RCPT, 550)


def test_a_bounce_names_the_envelope_and_the_recipient_that_were_sent(lab: Laboratory) -> None:
    member = lab.member("mta1")
    assert sent(member.address, member.port, f"bounce@{DOMAIN}").ending is Ending.ACCEPTED
    notice = bounce(lab)
    assert f"Original-Envelope-Id: {TAG}".encode() in notice
    assert f"Original-Recipient: rfc822;bounce@{DOMAIN}".encode() in notice
    assert b".dot" not in notice, "RET=HDRS leaves the text out"


def bounce(lab: Laboratory, *, within_seconds: float = 15) -> bytes:
    """Return the first message in the monitor's inbox."""
    give_up = time.monotonic() + within_seconds
    while time.monotonic() < give_up:
        for raw, _ in lab.inbox().values():
            return raw
        time.sleep(0.1)
    raise AssertionError("no bounce came")
