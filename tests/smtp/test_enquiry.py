"""The enquiry: MAIL and RCPT decide, RSET and QUIT follow, and DATA is never said."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Reply
from probe.model.settings import Member, SmtpSettings, Tls
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from probe.smtp.commands import Say
from probe.smtp.endings import Ended
from probe.smtp.enquiry import Enquiry
from tests.lab import DOMAIN, MONITOR, Laboratory
from tests.smtp.conftest import Run
from tests.smtp.scripted import GREETING, Act, close, hang, reset, scripted
from tests.smtp.sending import ENVELOPE, HASTY, PATIENT, REPLY

OFFERS = [Reply(250, ("mx.test", "SIZE 1000", "DSN")), Reply(250, ("mx.test", "PIPELINING"))]
OFFER_NAMES = ["one by one", "pipelined"]
CODES = (250, 354, 421, 450, 550)
SILENT_SERVERS: list[tuple[str, Act, Stage]] = [
    (GREETING, hang, Stage.BANNER),
    ("EHLO", close, Stage.EHLO),
    ("MAIL", reset, Stage.MAIL),
    ("RCPT", hang, Stage.RCPT),
]


def carried(offer: Reply, replies: dict[str, Reply]) -> tuple[Ended | None, list[bytes]]:
    """Answer by verb to the end; return the ending and what was sent."""
    settings = SmtpSettings(tls=Tls.NONE)
    talk, sent = Enquiry(ENVELOPE, settings=settings, peer="mta1", ehlo="probe.test"), b""
    while isinstance(talk.step, Say):
        sent += talk.step.octets
        verb = (talk.step.shown or "banner").split()[0]
        talk.sent()
        talk.replied(replies.get(verb, offer if verb == "EHLO" else Reply(250)))
    return talk.ended, sent.splitlines()


async def ask(port: int, *, settings: SmtpSettings = PATIENT, address: str = "127.0.0.1", to: str = MONITOR) -> Attempt:
    clock, envelope = SystemClock(), replace(ENVELOPE, message=b"", recipient=to)
    member = Member("vip", "mta1", address, port)
    return await SmtpSender(clock).ask(member, envelope, settings=settings, until=clock.now() + timedelta(seconds=20))


@pytest.mark.parametrize("offer", OFFERS, ids=OFFER_NAMES)
def test_what_a_server_would_take_is_asked_and_taken_back(offer: Reply) -> None:
    ended, sent = carried(offer, {"RCPT": Reply(250, ("ok",), "2.1.5")})
    assert ended == Ended(Ending.ACCEPTED, Stage.RCPT, "rcpt accepted: 250 2.1.5 ok", Reply(250, ("ok",), "2.1.5"))
    assert sent[1:] == [b"MAIL FROM:<probe@lab.test>", b"RCPT TO:<monitor@lab.test>", b"RSET", b"QUIT"]


@pytest.mark.parametrize("offer", OFFERS, ids=OFFER_NAMES)
@pytest.mark.parametrize("mail, rcpt", list(product(CODES, repeat=2)))
def test_whatever_is_answered_ends_in_quit_and_only_what_was_begun_is_taken_back(
    offer: Reply, mail: int, rcpt: int
) -> None:
    ended, sent = carried(offer, {"MAIL": Reply(mail), "RCPT": Reply(rcpt)})
    assert ended
    assert (ended.ending is Ending.ACCEPTED) is (mail == rcpt == 250)
    assert ended.stage is (Stage.RCPT if mail == 250 else Stage.MAIL)
    assert sent[-1] == b"QUIT"
    assert (b"RSET" in sent) is (mail < 400)
    assert b"DATA" not in sent


@pytest.mark.parametrize("codes", list(product(CODES, repeat=2)))
def test_the_answer_is_the_same_with_and_without_pipelining(codes: tuple[int, int]) -> None:
    replies = {verb: Reply(code) for verb, code in zip(("MAIL", "RCPT"), codes, strict=True)}
    assert carried(OFFERS[0], replies)[0] == carried(OFFERS[1], replies)[0]


@pytest.mark.parametrize("reset_reply", [Reply(421), Reply(500), Reply(354)])
def test_a_server_that_does_not_know_rset_changes_nothing(reset_reply: Reply) -> None:
    ended, sent = carried(OFFERS[0], {"RSET": reset_reply})
    assert (ended.ending if ended else None, sent[-1]) == (Ending.ACCEPTED, b"QUIT")


def test_a_refusal_before_the_envelope_is_told_with_its_stage() -> None:
    ended, sent = carried(OFFERS[0], {"banner": Reply(554, ("no service",))})
    assert ended == Ended(Ending.REFUSED, Stage.BANNER, "banner refused: 554 no service", Reply(554, ("no service",)))
    assert sent == [b"QUIT"]


@pytest.mark.parametrize("verb, act, stage", SILENT_SERVERS, ids=[stage.value for *_, stage in SILENT_SERVERS])
def test_a_server_that_gives_no_answer_is_unreachable_within_its_deadline(
    run: Run, verb: str, act: Act, stage: Stage
) -> None:
    async def test() -> None:
        async with scripted({verb: act}) as server:
            attempt = await ask(server.port, settings=HASTY)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, stage)
        assert attempt.reply is None

    run(test())


@pytest.mark.parametrize("act", [hang, close, reset])
def test_an_answer_stands_whatever_becomes_of_taking_leave(run: Run, act: Act) -> None:
    async def test() -> None:
        async with scripted({"RSET": act}) as server:
            attempt = await ask(server.port)
        assert (attempt.ending, attempt.stage) == (Ending.ACCEPTED, Stage.RCPT)
        assert attempt.stages[Stage.RCPT] < REPLY * 10

    run(test())


@pytest.mark.lab
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(
    "recipient, ending, code",
    [
        (MONITOR, Ending.ACCEPTED, 250),
        (f"refuse-now@{DOMAIN}", Ending.REFUSED_FOR_NOW, 450),
        (f"refuse@{DOMAIN}", Ending.REFUSED, 550),
    ],
)
def test_postfix_is_asked_and_left_in_good_order(
    lab: Laboratory, recipient: str, ending: Ending, code: int, pipelining: bool
) -> None:
    member = lab.member("mta1")
    before = len(farewells(lab))
    settings = replace(PATIENT, pipelining=pipelining)

    attempt = asyncio.run(ask(member.port, address=member.address, settings=settings, to=recipient))

    assert attempt.reply
    assert (attempt.ending, attempt.stage, attempt.reply.code) == (ending, Stage.RCPT, code)
    assert [exchange.sent for exchange in attempt.transcript][-2:] == ["RSET", "QUIT"]
    assert all(exchange.reply for exchange in attempt.transcript)
    farewell = next_farewell(lab, after=before)
    assert ("rset=1" in farewell, "quit=1" in farewell, "data" in farewell) == (True, True, False)


def farewells(lab: Laboratory) -> list[str]:
    """Return what Postfix counts of each session in which somebody spoke."""
    return [line for line in lab.maillog("mta1").splitlines() if "disconnect from" in line and "ehlo=" in line]


def next_farewell(lab: Laboratory, *, after: int, within_seconds: float = 5) -> str:
    """Return the one that comes after so many."""
    give_up = time.monotonic() + within_seconds
    while len(said := farewells(lab)) <= after:
        assert time.monotonic() < give_up, "the session did not end"
        time.sleep(0.02)
    return said[after]
