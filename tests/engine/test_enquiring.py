"""How fast servers are asked: a pause between two of them, and never two connections to one."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from probe.engine.enquiring import MOST_AT_ONCE, ask_all
from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings
from tests.engine.fakes import NOON, FakeClock

ENVELOPE = Envelope("postmaster@probe.test", "monitor@lab.test")
TAKES_SECONDS = 5.0


class FakeEnquirer:
    """Takes its time for each, and remembers when it began with whom, and until when it might have gone on."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.began: list[tuple[str, float]] = []
        self.untils: list[timedelta] = []
        self.busy: list[str] = []
        self.most_at_once = 0

    async def ask(self, member: Member, envelope: Envelope, *, settings: SmtpSettings, until: datetime) -> Attempt:
        assert member.endpoint not in self.busy, "one connection per server at a time"
        self.began.append((member.name, (self._clock.now() - NOON).total_seconds()))
        self.untils.append(until - self._clock.now())
        self.busy.append(member.endpoint)
        self.most_at_once = max(self.most_at_once, len(self.busy))
        await self._clock.sleep(TAKES_SECONDS)
        self.busy.remove(member.endpoint)
        return Attempt(Ending.ACCEPTED, Stage.RCPT, "rcpt accepted: 250", self._clock.now())


def members(*addresses: str) -> Sequence[Member]:
    return [Member("lab.test", f"mx{number}", address) for number, address in enumerate(addresses, 1)]


def asked(those: Sequence[Member], *, pause: timedelta) -> tuple[FakeEnquirer, list[tuple[str, bool]]]:
    """Ask them all; return the enquirer, and what was told meanwhile."""
    clock, told = FakeClock(), list[tuple[str, bool]]()
    enquirer = FakeEnquirer(clock)

    async def test() -> None:
        asking = asyncio.create_task(
            ask_all(
                those,
                ENVELOPE,
                settings=SmtpSettings(),
                pause=pause,
                enquirer=enquirer,
                clock=clock,
                watch=lambda member, attempt: told.append((member.name, attempt is not None)),
            )
        )
        await clock.advance(1000)
        answers = await asking
        assert [answer.member for answer in answers] == list(those)

    asyncio.run(test())
    return enquirer, told


def test_between_two_servers_is_the_pause_and_nobody_waits_for_an_answer() -> None:
    enquirer, told = asked(members("127.0.0.1", "127.0.0.2", "127.0.0.3"), pause=timedelta(seconds=2))
    assert enquirer.began == [("mx1", 0), ("mx2", 2), ("mx3", 4)]
    assert told == [("mx1", False), ("mx2", False), ("mx3", False), ("mx1", True), ("mx2", True), ("mx3", True)]


def test_without_a_pause_all_are_asked_at_once() -> None:
    enquirer, _ = asked(members("127.0.0.1", "127.0.0.2"), pause=timedelta())
    assert enquirer.began == [("mx1", 0), ("mx2", 0)]


def test_names_of_one_server_are_asked_one_after_the_other() -> None:
    enquirer, _ = asked(members("127.0.0.1", "127.0.0.1", "127.0.0.2"), pause=timedelta(seconds=1))
    assert enquirer.began == [("mx1", 0), ("mx3", 2), ("mx2", TAKES_SECONDS)]


def test_each_has_its_whole_time_however_long_it_waited_for_its_turn() -> None:
    enquirer, _ = asked(members("127.0.0.1", "127.0.0.1"), pause=timedelta())
    assert enquirer.untils == [SmtpSettings().timeouts.total] * 2


def test_connections_are_bounded() -> None:
    enquirer, _ = asked(members(*(f"127.0.1.{last}" for last in range(2 * MOST_AT_ONCE))), pause=timedelta())
    assert len(enquirer.began) == 2 * MOST_AT_ONCE
    assert enquirer.most_at_once == MOST_AT_ONCE
