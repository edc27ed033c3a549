"""Looking for one member behind a VIP: real sockets, a server that greets by another name at each dial."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import cycle

import pytest

from probe.model.behind_vip import most_dials
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from probe.smtp.search import PAUSE
from tests.smtp.balanced import MTA1, MTA2, NAMES, OTHER, Balanced, balanced
from tests.smtp.conftest import Run
from tests.smtp.scripted import Act, close, hang, perform
from tests.smtp.sending import ENVELOPE, HASTY, PATIENT, send_to


async def probe(
    vip: Balanced,
    wanted: str = "mta2.lab.test",
    *,
    settings: SmtpSettings = PATIENT,
    until: timedelta = timedelta(seconds=20),
    address: str = "127.0.0.1",
) -> Attempt:
    return await send_to(member(vip.port, wanted, address), settings=settings, until=until)


def member(port: int, name: str, address: str = "127.0.0.1") -> Member:
    return Member("vip", name, address, port, name, behind_vip=NAMES)


def dials(attempt: Attempt) -> list[str]:
    return [exchange.sent for exchange in attempt.transcript if exchange.sent.startswith("<dial")]


def test_the_member_that_is_wanted_gets_the_message_and_nobody_else_more_than_quit(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA1, MTA1, MTA2) as vip:
            attempt = await probe(vip)
        assert attempt.ending is Ending.ACCEPTED
        assert vip.heard()[:2] == ["QUIT", "QUIT"]
        assert vip.heard()[2].startswith("EHLO MAIL RCPT DATA")
        assert len(vip.servers) == 3
        assert dials(attempt) == ["<dial 1: mta1.lab.test answered>", "<dial 2: mta1.lab.test answered>"]
        assert [exchange.stage for exchange in attempt.transcript][2:4] == [Stage.BANNER, Stage.EHLO]
        offsets = [exchange.at for exchange in attempt.transcript]
        assert offsets == sorted(offsets)
        assert offsets[2] >= 2 * PAUSE
        assert attempt.first_byte
        assert attempt.accepted
        assert attempt.first_byte >= attempt.began + 2 * PAUSE
        assert attempt.smtp_time
        assert attempt.smtp_time <= attempt.accepted - attempt.began - 2 * PAUSE

    run(story())


@pytest.mark.parametrize("wanted, heard", [("mta1.lab.test", ["EHLO"]), ("mta2.lab.test", ["EHLO QUIT", "EHLO"])])
def test_where_the_greeting_names_no_member_the_reply_to_ehlo_does(run: Run, wanted: str, heard: list[str]) -> None:
    turn = cycle([b"250-mta1.lab.test\r\n250 SIZE 1000000\r\n", b"250-MTA2.LAB.TEST\r\n250 SIZE 1000000\r\n"])

    async def introduce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await perform(next(turn), reader, writer)

    async def story() -> None:
        async with balanced(OTHER, changes={"EHLO": introduce}) as vip:
            attempt = await probe(vip, wanted)
        assert attempt.ending is Ending.ACCEPTED
        assert vip.heard()[:-1] == heard[:-1]
        assert vip.heard()[-1].startswith("EHLO MAIL")
        assert attempt.note is None

    run(story())


def test_a_member_that_never_answers_is_unknown_and_the_dials_are_bounded(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA1) as vip:
            attempt = await probe(vip)
        assert (attempt.ending, attempt.stage) == (Ending.NOT_TRIED, Stage.CONNECT)
        assert attempt.reason == (
            f"mta2.lab.test did not answer in 8 dials of 127.0.0.1:{vip.port}: mta1.lab.test answered 8 times"
        )
        assert vip.heard() == ["QUIT"] * most_dials(len(NAMES))
        assert vip.most_at_once == 1

    run(story())


@pytest.mark.parametrize(
    "greeting, stage, reason",
    [
        (close, Stage.BANNER, "the VIP closed the connection before its greeting"),
        (b"554 no service\r\n", Stage.BANNER, "banner refused: 554 no service"),
        (b"hello?\r\n", Stage.BANNER, "the VIP speaks no SMTP: hello?"),
    ],
)
def test_where_nobody_gives_a_name_the_vip_is_out_of_reach(run: Run, greeting: Act, stage: Stage, reason: str) -> None:
    async def story() -> None:
        async with balanced(greeting) as vip:
            attempt = await probe(vip)
        assert (attempt.ending, attempt.stage) == (Ending.NAMELESS, stage)
        assert attempt.reason == f"nobody gave a name in 8 dials of 127.0.0.1:{vip.port}: {reason}"

    run(story())


def test_a_vip_that_nobody_listens_at_is_out_of_reach(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA1) as vip:
            pass
        attempt = await probe(vip)
        assert (attempt.ending, attempt.stage) == (Ending.NAMELESS, Stage.CONNECT)
        where = f"127.0.0.1:{vip.port}"
        reason = f"the VIP at {where} cannot be connected to: Connection refused"
        assert attempt.reason == f"nobody gave a name in 8 dials of {where}: {reason}"
        assert len(dials(attempt)) == 8

    run(story())


def test_a_silent_vip_is_not_waited_for_longer_than_one_transaction_may_take(run: Run) -> None:
    async def story() -> None:
        async with balanced(hang) as vip:
            attempt = await probe(vip, settings=HASTY)
        assert (attempt.ending, attempt.stage) == (Ending.NAMELESS, Stage.BANNER)
        assert 1 < len(dials(attempt)) <= 4

    run(story())


def test_a_stranger_gets_no_message_and_is_told_of(run: Run) -> None:
    async def story() -> None:
        async with balanced(OTHER, b"220 \x1b[2J\r\n", MTA2) as vip:
            attempt = await probe(vip)
        assert attempt.ending is Ending.ACCEPTED
        assert vip.heard()[:2] == ["EHLO QUIT", "EHLO QUIT"]
        assert dials(attempt) == [f"<dial {number}: mx.test (not a member) answered>" for number in (1, 2)]
        assert attempt.note is not None
        assert attempt.note.startswith(f"mx.test (not a member) answered at 127.0.0.1:{vip.port} (last at ")

    run(story())


@pytest.mark.parametrize(
    "greeting, changes, ending, stage",
    [
        (b"554 mta2.lab.test takes no mail\r\n", {}, Ending.REFUSED, Stage.BANNER),
        (b"421 mta2.lab.test busy\r\n", {}, Ending.REFUSED_FOR_NOW, Stage.BANNER),
        (MTA2, {"EHLO": close}, Ending.UNREACHABLE, Stage.EHLO),
        (MTA2, {"MAIL": b"451 4.3.0 later\r\n"}, Ending.REFUSED_FOR_NOW, Stage.MAIL),
        (MTA2, {".": close}, Ending.IN_DOUBT, Stage.BODY),
    ],
)
def test_what_a_member_does_after_it_gave_its_name_is_its_own(
    run: Run, greeting: bytes, changes: Mapping[str, Act], ending: Ending, stage: Stage
) -> None:
    async def story() -> None:
        async with balanced(MTA1, greeting, changes=changes) as vip:
            attempt = await probe(vip)
        assert (attempt.ending, attempt.stage) == (ending, stage)
        assert len(dials(attempt)) == 1
        assert len(vip.servers) == 2

    run(story())


def test_what_breaks_is_called_by_its_name_once_that_is_known(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA2, changes={"EHLO": close}) as vip:
            attempt = await probe(vip)
        assert attempt.reason == "mta2.lab.test closed the connection before its reply to EHLO"

    run(story())


def test_the_last_dial_begins_in_the_first_half_of_the_time(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA1) as vip:
            attempt = await probe(vip, until=6 * PAUSE)
        assert attempt.ending is Ending.NOT_TRIED
        assert 1 < len(dials(attempt)) <= 4

    run(story())


def test_what_we_cannot_do_ourselves_is_not_tried_again_and_again(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA1) as vip:
            attempt = await probe(vip, settings=replace(PATIENT, source_address="192.0.2.1"))
        assert attempt.ending is Ending.NOT_TRIED
        assert vip.servers == []
        assert dials(attempt) == []

    run(story())


def test_a_question_finds_its_member_too(run: Run) -> None:
    async def story() -> None:
        clock = SystemClock()
        async with balanced(MTA1, MTA2) as vip:
            until = clock.now() + timedelta(seconds=20)
            asked = await SmtpSender(clock).ask(
                member(vip.port, "mta2.lab.test"), ENVELOPE, settings=PATIENT, until=until
            )
        assert (asked.ending, asked.stage) == (Ending.ACCEPTED, Stage.RCPT)
        assert vip.heard() == ["QUIT", "EHLO MAIL RCPT RSET QUIT"]

    run(story())


def test_a_vip_of_ipv6_is_dialled(run: Run) -> None:
    async def story() -> None:
        async with balanced(MTA1, MTA2, address="::1") as vip:
            attempt = await probe(vip, address="::1")
        assert attempt.ending is Ending.ACCEPTED
        assert dials(attempt) == ["<dial 1: mta1.lab.test answered>"]

    run(story())
