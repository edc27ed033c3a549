"""The matrix of two messages: whatever a server does at whatever place, each comes to what it would have alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import pytest

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.smtp.scripted import DOT, POLITE, Act, Scripted, perform, scripted
from tests.smtp.sending import PATIENT
from tests.smtp.test_matrix import AT_ONCE, FAULTS, HANGS_FOR, REFUSALS, TRIES, Result

FIRST, SECOND = (
    Envelope(f"{name}@lab.test", "monitor@lab.test", b"Subject: %s\r\n\r\ntext\r\n" % name.encode())
    for name in ("first", "second")
)
ACCEPTED: Result = (Ending.ACCEPTED, Stage.BODY, 250)


class Manner(StrEnum):
    """How the second message follows the first."""

    APART = "apart"
    """Over a connection of its own."""
    AFTER = "after"
    """Over the same connection, some time later."""
    BEHIND = "behind"
    """Waiting when the text of the first is said, so that its commands follow in one group where that is offered."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server does it: at a verb of one of the messages."""

    verb: str
    envelope: Envelope
    stage: Stage

    def __str__(self) -> str:
        return f"{self.envelope.sender.partition('@')[0]} {'dot' if self.verb == DOT else self.verb}"


PLACES = (
    Place(DOT, FIRST, Stage.BODY),
    Place("RSET", SECOND, Stage.MAIL),
    Place("MAIL", SECOND, Stage.MAIL),
    Place("RCPT", SECOND, Stage.RCPT),
    Place("DATA", SECOND, Stage.DATA),
    Place(DOT, SECOND, Stage.BODY),
)


@dataclass(frozen=True, slots=True)
class Cell:
    place: Place
    answer: str
    manner: Manner
    pipelining: bool

    def __str__(self) -> str:
        return f"{self.place}-{self.answer}-{self.manner}-{'pipelined' if self.pipelining else 'one by one'}"

    @property
    def expected(self) -> tuple[Result, Result]:
        if self.place.envelope is FIRST:
            return self._at_place, ACCEPTED
        return ACCEPTED, ACCEPTED if self.place.verb == "RSET" else self._at_place

    @property
    def _at_place(self) -> Result:
        if self.answer == "2yz" and self.place.verb != "DATA":  # which asks for 354
            return ACCEPTED
        if self.answer in REFUSALS:
            ending, code = REFUSALS[self.answer]
            return ending, self.place.stage, code
        ending = Ending.IN_DOUBT if self.place.stage is Stage.BODY else Ending.UNREACHABLE
        return ending, self.place.stage, 250 if self.answer == "2yz" else None

    @property
    def settings(self) -> SmtpSettings:
        reuse = None if self.manner is Manner.APART else timedelta(seconds=20)
        settings = replace(PATIENT, pipelining=self.pipelining, reuse=reuse)
        if self.answer != "hang":
            return settings
        return replace(settings, timeouts=replace(settings.timeouts, reply=HANGS_FOR))


CELLS = [
    Cell(place, answer, manner, pipelining)
    for place in PLACES
    for answer in ("2yz", *FAULTS)
    for manner in Manner
    for pipelining in (True, False)
]


@dataclass(frozen=True, slots=True)
class Filled:
    first: Attempt
    second: Attempt
    heard: list[bytes]
    sessions: int


Matrix = Mapping[Cell, Filled]


class Script:
    """Answers politely but at one place, and lets the first message wait until the second has been handed over."""

    def __init__(self, cell: Cell) -> None:
        self._place = cell.place
        self._fault = FAULTS.get(cell.answer, b"250 ok\r\n")
        self.handed_over = asyncio.Event()
        self.server: Scripted
        polite = {**POLITE, "EHLO": b"250-mx.test\r\n250 PIPELINING\r\n", "RSET": b"250 2.0.0 ok\r\n"}
        self.answers: dict[str, Act] = {
            **polite,
            "RCPT": self._answer("RCPT", polite["RCPT"]),
            cell.place.verb: self._answer(cell.place.verb, polite[cell.place.verb]),
        }

    def _answer(self, verb: str, polite: Act) -> Act:
        async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if verb == "RCPT":
                await self.handed_over.wait()
            is_here = self._is_here(verb)
            await perform(self._fault if is_here else polite, reader, writer)
            if verb == "DATA" and not is_here:
                await self.server.take_message(reader, writer)

        return act

    def _is_here(self, verb: str) -> bool:
        if verb != self._place.verb:
            return False
        return verb == "RSET" or self._sender == self._place.envelope.sender

    @property
    def _sender(self) -> str:
        mails = [line for line in self.server.heard if line.startswith(b"MAIL")]
        return mails[-1].partition(b"<")[2].partition(b">")[0].decode() if mails else ""


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """Fill all cells at once, so that those that hang wait together."""
    return asyncio.run(_fill())


async def _fill() -> Matrix:
    slots = asyncio.Semaphore(AT_ONCE)

    async def fill(cell: Cell) -> Filled:
        async with slots:
            return await _filled(cell)

    matrix = dict(zip(CELLS, await asyncio.gather(*map(fill, CELLS)), strict=True))
    for _ in range(TRIES):
        for cell, filled in list(matrix.items()):
            if Ending.NOT_TRIED in (filled.first.ending, filled.second.ending):
                matrix[cell] = await fill(cell)
    return matrix


async def _filled(cell: Cell) -> Filled:
    script, clock, ready = Script(cell), SystemClock(), asyncio.Event()
    async with scripted(script.answers) as server:
        script.server = server
        sender, member = SmtpSender(clock), Member("vip", "mta1", "127.0.0.1", server.port)

        async def send(envelope: Envelope) -> Attempt:
            until = clock.now() + timedelta(seconds=20)
            return await sender.send(member, envelope, settings=cell.settings, until=until, ready=ready.set)

        if cell.manner is not Manner.BEHIND:
            script.handed_over.set()
            filled = await send(FIRST), await send(SECOND)
        else:
            first = asyncio.create_task(send(FIRST))
            await ready.wait()
            second = asyncio.create_task(send(SECOND))
            await asyncio.sleep(0)  # it waits now
            script.handed_over.set()
            filled = await first, await second
        await sender.close()
        return Filled(*filled, server.heard, server.sessions)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_both_messages_come_to_what_they_would_have_alone(matrix: Matrix, cell: Cell) -> None:
    filled = matrix[cell]
    assert (result(filled.first), result(filled.second)) == cell.expected, (filled.first.reason, filled.second.reason)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_no_text_is_said_twice_or_where_nobody_asked_for_it(matrix: Matrix, cell: Cell) -> None:
    heard = matrix[cell].heard
    assert heard.count(b"Subject: first") == 1
    (_, (ending, stage, _)) = cell.expected
    assert heard.count(b"Subject: second") == (ending is Ending.ACCEPTED or stage is Stage.BODY)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.manner is not Manner.APART], ids=str)
def test_one_connection_is_enough_unless_it_fails(matrix: Matrix, cell: Cell) -> None:
    filled = matrix[cell]
    held = cell.answer == "2yz" or (cell.answer in ("4yz", "5yz") and cell.place.verb not in ("RSET", "MAIL"))
    after_the_text = cell.place == PLACES[-1]
    in_mid_transaction = cell.place.verb in ("RCPT", "DATA")
    assert filled.sessions == (1 if held or after_the_text or in_mid_transaction else 2)


def result(attempt: Attempt) -> Result:
    return attempt.ending, attempt.stage, attempt.reply.code if attempt.reply else None
