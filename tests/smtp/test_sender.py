"""Sending over real sockets: every fault ends in time, with the right ending and stage."""

import asyncio
import socket
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.secret import Secret
from probe.model.settings import Login, SmtpSettings
from tests.smtp.conftest import Run
from tests.smtp.scripted import DOT, GREETING, Act, close, dripping, hang, named, reset, saying, scripted
from tests.smtp.sending import BIG, ENVELOPE, HASTY, PATIENT, REPLY, TOTAL, send

SLACK = timedelta(seconds=1)
"""What a busy machine may add to a deadline."""

VERBS = {
    Stage.BANNER: GREETING,
    Stage.EHLO: "EHLO",
    Stage.AUTH: "AUTH",
    Stage.MAIL: "MAIL",
    Stage.RCPT: "RCPT",
    Stage.DATA: "DATA",
    Stage.BODY: DOT,
}
WITH_LOGIN = replace(PATIENT, login=Login("user", Secret("secret")), login_without_tls=True)
HASTY_LOGIN = replace(WITH_LOGIN, timeouts=HASTY.timeouts)
WAITED_FOR = (hang, b"\x00\x00\x00")


def test_a_message_is_handed_over_to_the_octet(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, settings=PATIENT)
        assert attempt.ending is Ending.ACCEPTED
        assert attempt.reason == "accepted: 250 2.0.0 queued as 4F2A"
        assert server.heard == [
            b"EHLO probe.test",
            b"MAIL FROM:<probe@lab.test> SIZE=23",
            b"RCPT TO:<monitor@lab.test>",
            b"DATA",
            b"Subject: test",
            b"",
            b"..dot",
            b".",
            b"QUIT",
        ]

    run(story())


def test_times_and_transcript_are_kept(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, settings=PATIENT)
        stages = [Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.QUIT]
        assert list(attempt.stages) == stages
        assert [exchange.stage for exchange in attempt.transcript] == stages[1:]
        assert all(exchange.reply for exchange in attempt.transcript)
        assert attempt.transcript[-2].sent == "<27 octets>"
        offsets = [exchange.at for exchange in attempt.transcript]
        assert offsets == sorted(offsets)
        assert attempt.first_byte
        assert attempt.accepted
        assert attempt.smtp_time
        assert attempt.began < attempt.first_byte < attempt.accepted == attempt.began + attempt.smtp_time
        assert attempt.smtp_time >= sum(list(attempt.stages.values())[:-1], timedelta())

    run(story())


@pytest.mark.parametrize("stage", VERBS)
@pytest.mark.parametrize(
    "reply, ending",
    [
        (b"421 4.3.2 busy\r\n", Ending.REFUSED_FOR_NOW),
        (b"450 4.7.1 later\r\n", Ending.REFUSED_FOR_NOW),
        (b"550 5.7.1 no\r\n", Ending.REFUSED),
    ],
)
def test_a_refusal_decides_and_quit_is_said(run: Run, stage: Stage, reply: bytes, ending: Ending) -> None:
    async def story() -> None:
        async with scripted({VERBS[stage]: reply}) as server:
            attempt = await send(server.port, settings=WITH_LOGIN)
        assert (attempt.ending, attempt.stage) == (ending, stage)
        assert attempt.reply
        assert str(attempt.reply) == reply.decode().strip()
        assert server.heard[-1] == b"QUIT"
        assert attempt.accepted is None

    run(story())


@pytest.mark.parametrize("stage", VERBS)
@pytest.mark.parametrize("fault", [hang, close, reset, b"hello?\r\n", b"\x00\x00\x00"], ids=named)
def test_a_fault_is_unreachable_before_the_final_dot_and_in_doubt_after_it(run: Run, stage: Stage, fault: Act) -> None:
    async def story() -> None:
        async with scripted({VERBS[stage]: fault}) as server:
            attempt, took = await timed(server.port, settings=HASTY_LOGIN if fault in WAITED_FOR else WITH_LOGIN)
        expected = Ending.IN_DOUBT if stage is Stage.BODY else Ending.UNREACHABLE
        assert (attempt.ending, attempt.stage) == (expected, stage)
        assert took < REPLY + SLACK
        assert attempt.accepted is None
        assert stage in attempt.stages

    run(story())


async def timed(
    port: int, envelope: Envelope = ENVELOPE, *, settings: SmtpSettings = WITH_LOGIN
) -> tuple[Attempt, timedelta]:
    started = time.monotonic()
    attempt = await send(port, settings=settings, envelope=envelope)
    return attempt, timedelta(seconds=time.monotonic() - started)


@pytest.mark.parametrize(
    "act, reason",
    [
        (dripping(b"220-\r\n", pause_seconds=0), "mta1 sent a reply of more than 128 lines"),
        (dripping(b"2", pause_seconds=0.1), "no greeting within 0.2 s"),
        (dripping(b"x" * 65536, pause_seconds=0), "mta1 sent a line of more than 2048 octets"),
        (b"220-go on\r\n" * 10_000 + b"220 mx\r\n", "mta1 sent a reply of more than 128 lines"),
        (b"220 " + b"a" * 10_000_000 + b"\r\n", "mta1 sent a line of more than 2048 octets"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "mta1 speaks no SMTP: SSH-2.0-OpenSSH_9.2p1"),
        (b"\xff\xfe\x1b[2J\r\n", "mta1 speaks no SMTP: \\xff\\xfe\\x1b[2J"),
        (b"220 mx\r\n250 hi\r\n", "mta1 replied before it was asked: 250 hi"),
        (close, "mta1 closed the connection before its greeting"),
    ],
    ids=["endless", "drip", "flood", "10,000 lines", "10 MB", "ssh", "binary", "early", "close"],
)
def test_a_hostile_greeting_ends_in_time_and_is_explained(run: Run, act: Act, reason: str) -> None:
    async def story() -> None:
        async with scripted({GREETING: act}) as server:
            attempt, took = await timed(server.port, settings=HASTY_LOGIN)
        assert attempt.ending is Ending.UNREACHABLE
        assert attempt.reason == reason
        assert took < REPLY + SLACK

    run(story())


def test_a_server_that_is_slow_at_every_step_meets_the_deadline_of_the_whole(run: Run) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(b"250 ok\r\n")

    async def story() -> None:
        verbs = ("EHLO", "MAIL", "RCPT")
        async with scripted({GREETING: saying(b"220 mx\r\n"), **dict.fromkeys(verbs, slow), "DATA": hang}) as server:
            settings = replace(PATIENT, timeouts=replace(PATIENT.timeouts, total=timedelta(seconds=0.4)))
            attempt = await send(server.port, settings=settings)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.RCPT)
        assert attempt.reason == "no reply to RCPT before the 0.4 s for all of it were over"

    run(story())


def test_nothing_lasts_beyond_the_moment_that_was_set(run: Run) -> None:
    async def story() -> None:
        async with scripted({"MAIL": hang}) as server:
            started = time.monotonic()
            attempt = await send(server.port, settings=PATIENT, until=timedelta(seconds=0.2))
            took = time.monotonic() - started
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.MAIL)
        assert took < 0.2 + SLACK.total_seconds()

    run(story())


def test_without_time_nothing_is_tried(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, until=timedelta())
        assert (attempt.ending, server.sessions) == (Ending.NOT_TRIED, 0)

    run(story())


def test_a_server_that_freezes_in_mid_message_meets_the_deadline(run: Run) -> None:
    async def story() -> None:
        async with scripted({"DATA": saying(b"354 go on\r\n", hang)}) as server:
            attempt, took = await timed(server.port, BIG, settings=HASTY)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.BODY)
        assert attempt.reason == "mta1 did not take the message within 0.2 s"
        assert took < TOTAL + SLACK

    run(story())


@pytest.mark.parametrize(
    "act, ending, reason",
    [
        (reset, Ending.UNREACHABLE, "mta1 reset the connection in the middle of the message"),
        (saying(b"452 4.3.1 disk full\r\n", hang), Ending.REFUSED_FOR_NOW, "body refused: 452 4.3.1 disk full"),
        (saying(b"552 5.3.4 too big\r\n", close), Ending.REFUSED, "body refused: 552 5.3.4 too big"),
        (saying(b"250 2.0.0 ok\r\n", hang), Ending.UNREACHABLE, "mta1 replied before it was asked: 250 2.0.0 ok"),
    ],
    ids=["reset", "452", "552", "250"],
)
def test_what_happens_in_mid_message_is_heard(run: Run, act: Act, ending: Ending, reason: str) -> None:
    async def story() -> None:
        async with scripted({"DATA": saying(b"354 go on\r\n", after_some(act))}) as server:
            attempt, _ = await timed(server.port, BIG)
        assert (attempt.ending, attempt.stage, attempt.reason) == (ending, Stage.BODY, reason)

    run(story())


def after_some(act: Act) -> Act:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        await asyncio.sleep(0.05)
        if isinstance(act, bytes):
            writer.write(act)
        else:
            await act(reader, writer)

    return wait


def test_a_big_message_arrives_whole(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, settings=PATIENT, envelope=BIG)
        assert attempt.ending is Ending.ACCEPTED
        assert b"\r\n".join(server.heard[4:-2]) + b"\r\n" == BIG.message

    run(story())


@pytest.mark.parametrize("act", [hang, close, reset, b"554 no\r\n", b"what?\r\n"], ids=named)
def test_quit_changes_nothing_and_holds_nobody_up(run: Run, act: Act) -> None:
    async def story() -> None:
        async with scripted({"QUIT": act}) as server:
            started = time.monotonic()
            attempt = await send(server.port, settings=PATIENT)
            took = time.monotonic() - started
        assert attempt.ending is Ending.ACCEPTED
        assert took < 2

    run(story())


def test_what_was_not_sent_in_full_is_shown_as_such(run: Run) -> None:
    async def story() -> None:
        async with scripted({"DATA": saying(b"354 go on\r\n", after_some(reset))}) as server:
            attempt, _ = await timed(server.port, BIG)
        assert attempt.transcript[-1].sent == "<12000075 octets> (not all sent)"
        assert attempt.transcript[-1].reply is None

    run(story())


def test_a_session_that_says_too_much_in_all_is_broken_off(run: Run) -> None:
    async def story() -> None:
        long = b"250-" + b"a" * 2000 + b"\r\n"
        verbose = long * 127 + b"250 ok\r\n"
        async with scripted({"MAIL": verbose, "RCPT": verbose, "DATA": verbose}) as server:
            attempt = await send(server.port, settings=PATIENT)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.DATA)
        assert attempt.reason == "mta1 sent more than 524288 octets of replies"

    run(story())


def test_a_421_before_a_close_is_a_refusal_for_now(run: Run) -> None:
    async def story() -> None:
        async with scripted({"RCPT": saying(b"250 ok\r\n421 4.3.2 going down\r\n", close)}) as server:
            attempt = await send(server.port)
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED_FOR_NOW, Stage.DATA)
        assert attempt.reason == "data refused: 421 4.3.2 going down"

    run(story())


def test_a_port_that_nobody_listens_on_is_unreachable(run: Run) -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        attempt = await send(port)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.CONNECT)
        assert attempt.reason == f"mta1 at 127.0.0.1:{port} cannot be connected to: Connection refused"
        assert attempt.first_byte is None

    run(story())


def test_a_server_that_does_not_take_connections_is_unreachable_in_time(run: Run) -> None:
    async def story() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            with filling(full.getsockname()), filling(full.getsockname()):
                attempt = await send(full.getsockname()[1], settings=HASTY)
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.CONNECT)
        assert attempt.reason.endswith("did not take the connection within 0.2 s")

    run(story())


def filling(address: tuple[str, int]) -> socket.socket:
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(address)
    return one


@pytest.mark.parametrize("source", ["192.0.2.1", "not an address"])
def test_a_source_address_that_is_not_ours_is_our_own_failure(run: Run, source: str) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, settings=replace(PATIENT, source_address=source))
        assert (attempt.ending, attempt.stage) == (Ending.NOT_TRIED, Stage.CONNECT)

    run(story())


def test_the_source_address_is_used(run: Run) -> None:
    peers = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(b"554 no\r\n")

    async def story() -> None:
        async with scripted({GREETING: greet}) as server:
            await send(server.port, settings=replace(PATIENT, source_address="127.0.0.9"))
        assert peers == ["127.0.0.9"]

    run(story())


def test_without_a_name_of_our_own_the_address_is_given(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "probe")

    async def story() -> None:
        async with scripted() as server:
            await send(server.port, settings=replace(PATIENT, ehlo=None))
        assert server.heard[0] == b"EHLO [127.0.0.1]"

    run(story())


def test_a_login_is_struck_out_of_the_transcript(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, settings=WITH_LOGIN)
        assert b"AUTH PLAIN AHVzZXIAc2VjcmV0" in server.heard
        assert [line.sent for line in attempt.transcript if line.stage is Stage.AUTH] == ["AUTH PLAIN ***"]

    run(story())


def test_cancelling_closes_the_connection(run: Run) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        assert await reader.read() == b""
        closed.set()

    async def story() -> None:
        async with scripted({"MAIL": watch}) as server:
            task = asyncio.create_task(send(server.port, settings=PATIENT))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(2):
                await closed.wait()

    run(story())
