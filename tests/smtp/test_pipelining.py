"""PIPELINING (RFC 2920): fewer round trips, and the same result in every case."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.settings import SmtpSettings, Tls
from probe.smtp.commands import Say, Secure
from probe.smtp.dialogue import Dialogue
from probe.smtp.endings import Ended
from tests.smtp.conftest import Run
from tests.smtp.scripted import POLITE, Act, close, hang, scripted
from tests.smtp.sending import ENVELOPE, HASTY, PATIENT, send

GROUP = b"MAIL FROM:<probe@lab.test>\r\nRCPT TO:<monitor@lab.test>\r\nDATA\r\n"
OFFER = Reply(250, ("mx.test", "PIPELINING"))
OFFERING: dict[str, Act] = {"EHLO": b"250-mx.test\r\n250 PIPELINING\r\n"}
ENVELOPE_STAGES = (Stage.MAIL, Stage.RCPT, Stage.DATA)
CODES = (250, 354, 421, 450, 550)


def introduced(offer: Reply = OFFER, *, pipelining: bool = True, envelope: Envelope = ENVELOPE) -> Dialogue:
    """Return a dialogue that has heard the reply to EHLO."""
    settings = SmtpSettings(tls=Tls.NONE, pipelining=pipelining)
    talk = Dialogue(envelope, settings=settings, peer="mta1", ehlo="probe.lab.test")
    for reply in (Reply(220), offer):
        talk.sent()
        talk.replied(reply)
    return talk


def said(talk: Dialogue) -> bytes:
    assert isinstance(talk.step, Say)
    return talk.step.octets


def carried(talk: Dialogue, replies: dict[Stage, Reply]) -> tuple[Ended | None, list[bytes]]:
    """Answer by stage to the end; return the ending and what was sent."""
    octets = []
    while isinstance(talk.step, Say):
        octets.append(talk.step.octets)
        reply = Reply(554) if talk.step.shown == "." else replies.get(talk.step.stage, Reply(250))
        talk.sent()
        talk.replied(reply)
    return talk.ended, octets


def test_the_envelope_goes_out_at_once_where_that_is_offered() -> None:
    assert said(introduced()) == GROUP


@pytest.mark.parametrize(
    "offer, pipelining",
    [(OFFER, False), (Reply(250, ("mx.test",)), True), (Reply(250, ("PIPELINING", "XPIPELINING")), True)],
)
def test_otherwise_every_command_waits_for_its_reply(offer: Reply, pipelining: bool) -> None:
    talk = introduced(offer, pipelining=pipelining)
    assert said(talk) == b"MAIL FROM:<probe@lab.test>\r\n"
    assert isinstance(talk.step, Say)
    assert not talk.step.pipelined


@pytest.mark.parametrize("codes", list(product(CODES, repeat=3)))
def test_whatever_the_group_is_answered_the_ending_is_that_of_one_command_at_a_time(codes: tuple[int, ...]) -> None:
    replies = {stage: Reply(code, (str(stage),)) for stage, code in zip(ENVELOPE_STAGES, codes, strict=True)}
    assert carried(introduced(), replies)[0] == carried(introduced(pipelining=False), replies)[0]


@pytest.mark.parametrize("codes", list(product(CODES, repeat=3)))
def test_nobody_gets_an_empty_message(codes: tuple[int, ...]) -> None:
    mail, rcpt, data = codes
    replies = {stage: Reply(code) for stage, code in zip(ENVELOPE_STAGES, codes, strict=True)}
    ended, octets = carried(introduced(), replies)
    agreed = (mail, rcpt, data) == (250, 250, 354)
    refused = rcpt >= 400 and data == 354
    left_in_silence = data == 354 and not agreed and not refused
    # The text goes out only where all was agreed to; a lone dot only where the recipient was refused.
    assert (any(b"Subject" in each for each in octets)) is agreed
    assert (b".\r\n" in octets) is refused
    # Where text is awaited, not even QUIT is said: it would be taken for text.
    assert (octets[-1] == b"QUIT\r\n") is not left_in_silence
    assert ended
    assert (ended.ending is Ending.ACCEPTED) is agreed


@pytest.mark.parametrize("failed", ENVELOPE_STAGES)
@pytest.mark.parametrize("refused", ENVELOPE_STAGES)
def test_what_fails_in_the_rest_of_a_group_changes_nothing(refused: Stage, failed: Stage) -> None:
    talk = introduced()
    while isinstance(talk.step, Say) and talk.step.stage is not refused:
        talk.sent()
        talk.replied(Reply(250))
    talk.sent()
    talk.replied(Reply(550))
    ended = talk.ended
    assert ended
    while isinstance(talk.step, Say) and talk.step.stage not in (failed, Stage.QUIT):
        talk.replied(Reply(503))
    talk.lost("closed the connection")
    assert talk.ended is ended
    assert (ended.ending, ended.stage, talk.step) == (Ending.REFUSED, refused, None)


def test_an_address_that_cannot_be_said_is_found_before_anything_is_said() -> None:
    talk = introduced(envelope=replace(ENVELOPE, recipient="c@d.test> NOTIFY=NEVER"))
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage, said(talk)) == (Ending.NOT_TRIED, Stage.RCPT, b"QUIT\r\n")


def test_what_was_offered_in_clear_is_not_used_under_tls() -> None:
    talk = Dialogue(ENVELOPE, settings=SmtpSettings(tls=Tls.STARTTLS), peer="mta1", ehlo="probe.lab.test")
    for reply in (Reply(220), Reply(250, ("mx.test", "STARTTLS", "PIPELINING")), Reply(220)):
        assert said(talk).count(b"\r\n") <= 1
        talk.sent()
        talk.replied(reply)
    assert isinstance(talk.step, Secure)
    talk.secured()
    talk.sent()
    talk.replied(Reply(250, ("mx.test",)))
    assert said(talk) == b"MAIL FROM:<probe@lab.test>\r\n"


def test_a_message_is_handed_over_in_one_group_less(run: Run) -> None:
    async def story() -> None:
        async with scripted(OFFERING) as server:
            attempt = await send(server.port)
        assert attempt.ending is Ending.ACCEPTED
        assert server.heard[1:4] == GROUP.split(b"\r\n")[:3]
        shown = [(exchange.stage, exchange.sent) for exchange in attempt.transcript if exchange.pipelined]
        assert shown == list(zip(ENVELOPE_STAGES, GROUP.decode().splitlines(), strict=True))
        assert all(exchange.reply for exchange in attempt.transcript)

    run(story())


def test_the_time_of_a_pipelined_stage_is_from_its_group_to_its_reply(run: Run) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(b"250 ok\r\n")

    async def story() -> None:
        async with scripted({**OFFERING, "MAIL": slow, "RCPT": slow}) as server:
            attempt = await send(server.port)
        mail, rcpt, data = (attempt.stages[stage] for stage in ENVELOPE_STAGES)
        assert mail >= timedelta(seconds=0.045)
        assert rcpt >= timedelta(seconds=0.09)
        assert mail < rcpt <= data
        assert attempt.smtp_time
        assert attempt.smtp_time >= data
        assert len({exchange.at for exchange in attempt.transcript if exchange.pipelined}) == 1

    run(story())


def test_a_lone_dot_answers_a_data_that_was_agreed_to_without_a_recipient(run: Run) -> None:
    async def story() -> None:
        async with scripted({**OFFERING, "RCPT": b"450 4.7.1 later\r\n"}) as server:
            attempt = await send(server.port)
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED_FOR_NOW, Stage.RCPT)
        assert server.heard[-2:] == [b".", b"QUIT"]
        assert [exchange.sent for exchange in attempt.transcript[-3:]] == ["DATA", ".", "QUIT"]
        assert attempt.accepted is None
        assert attempt.smtp_time is None

    run(story())


def test_what_was_said_in_vain_is_in_the_transcript_and_counts_for_no_stage(run: Run) -> None:
    async def story() -> None:
        async with scripted({**OFFERING, "RCPT": close}) as server:
            attempt = await send(server.port)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.RCPT)
        codes = [(exchange.sent[:4], exchange.reply and exchange.reply.code) for exchange in attempt.transcript[2:]]
        assert codes == [("MAIL", 250), ("RCPT", None), ("DATA", None)]
        assert Stage.DATA not in attempt.stages

    run(story())


def test_what_was_not_sent_is_not_in_the_transcript(run: Run) -> None:
    async def story() -> None:
        async with scripted({"EHLO": b"250-mx.test\r\n250 PIPELINING\r\n421 4.3.2 going down\r\n"}) as server:
            attempt = await send(server.port)
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED_FOR_NOW, Stage.MAIL)
        sent = [exchange.sent for exchange in attempt.transcript[2:]]
        assert sent == ["MAIL FROM:<probe@lab.test> (not all sent)"]

    run(story())


def test_a_refusal_is_not_held_up_by_a_server_that_then_falls_silent(run: Run) -> None:
    async def story() -> None:
        async with scripted({**OFFERING, "RCPT": b"550 5.1.1 no\r\n", "DATA": hang}) as server:
            started = asyncio.get_running_loop().time()
            attempt = await send(server.port, settings=PATIENT)
            took = asyncio.get_running_loop().time() - started
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED, Stage.RCPT)
        assert took < 3

    run(story())


def test_a_hang_in_mid_group_is_of_the_stage_whose_reply_is_missing(run: Run) -> None:
    async def story() -> None:
        async with scripted({**OFFERING, "RCPT": hang}) as server:
            attempt = await send(server.port, settings=HASTY)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.RCPT)
        assert attempt.reason == "no reply to RCPT within 0.2 s"

    run(story())


def test_nothing_is_said_before_the_greeting(run: Run) -> None:
    heard = []

    async def listen_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(0.05):
                heard.append(await reader.read(1))
        except TimeoutError:
            writer.write(POLITE[""])  # type: ignore[arg-type]  # the greeting is octets

    async def story() -> None:
        async with scripted({**OFFERING, "": listen_first}) as server:
            attempt = await send(server.port)
        assert (attempt.ending, heard) == (Ending.ACCEPTED, [])

    run(story())
