"""Whatever servers do and whoever gives up: over kept connections no text is said twice, and nobody waits for ever."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from probe.model.reply import Attempt, Ending
from probe.model.settings import Member
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.smtp.conftest import Run
from tests.smtp.scripted import DOT, Act, close, scripted
from tests.smtp.sending import ENVELOPE
from tests.smtp.test_reuse import GROUPING, KEEPING, KNOWS_RSET, until

MESSAGES = 40
ASKS_EACH = 11
GIVES_UP_EACH = 4
FAULTS: tuple[Act, ...] = (b"421 4.3.2 going down\r\n", b"451 4.3.0 later\r\n", b"hello?\r\n", close)


def moody(chance: Random) -> Act:
    """Agree, most of the time."""

    async def acting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(chance.random() * 0.01)
        doing: Act = chance.choice(FAULTS) if chance.random() < 0.08 else b"250 2.0.0 ok\r\n"
        if isinstance(doing, bytes):
            writer.write(doing)
        else:
            await doing(reader, writer)

    return acting


async def company(sender: SmtpSender, member: Member, chance: Random) -> list[Attempt | BaseException]:
    """Hand messages over as an engine does, ask now and then, and let some give up."""
    clock, place = SystemClock(), asyncio.Semaphore(1)

    async def come(number: int) -> Attempt:
        await place.acquire()
        left = asyncio.Event()

        def leave() -> None:
            if not left.is_set():
                left.set()
                place.release()

        if number % GIVES_UP_EACH == 0:
            asyncio.get_running_loop().call_later(chance.random() / 50, coming[number].cancel)
        envelope = replace(ENVELOPE, message=b"Subject: %d\r\n\r\ntext\r\n" % number)
        ends = clock.now() + timedelta(seconds=chance.choice([0.02, 20, 20]))
        try:
            if number % ASKS_EACH == 0:
                return await sender.ask(member, envelope, settings=KEEPING, until=ends)
            return await sender.send(member, envelope, settings=KEEPING, until=ends, ready=leave)
        finally:
            leave()

    coming = [asyncio.create_task(come(number)) for number in range(MESSAGES)]
    async with asyncio.timeout(30):
        return await asyncio.gather(*coming, return_exceptions=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("answers", [GROUPING, KNOWS_RSET], ids=["pipelined", "one by one"])
def test_no_text_is_said_twice_and_every_connection_is_left(run: Run, answers: Mapping[str, Act], seed: int) -> None:
    chance = Random(seed)

    async def story() -> None:
        moods = {verb: moody(chance) for verb in ("RSET", "MAIL", "RCPT", DOT)}
        async with scripted({**answers, **moods}) as server:
            sender, member = SmtpSender(SystemClock()), Member("vip", "mta1", "127.0.0.1", server.port)
            ended = await company(sender, member, chance)
            await sender.close()
            await until(lambda: not server.writers)
        faults = [each for each in ended if isinstance(each, BaseException)]
        assert all(isinstance(fault, asyncio.CancelledError) for fault in faults)
        said = Counter(line for line in server.heard if line.startswith(b"Subject: "))
        assert set(said.values()) <= {1}
        taken = {
            b"Subject: %d" % number
            for number, each in enumerate(ended)
            if isinstance(each, Attempt) and each.ending is Ending.ACCEPTED and each.accepted
        }
        assert taken
        assert taken <= set(said)

    run(story())
