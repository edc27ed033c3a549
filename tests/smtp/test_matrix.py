"""The reply matrix: every stage, every kind of answer, every way to be secure, with and without pipelining."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import trustme

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.secret import Secret
from probe.model.settings import Login, SmtpSettings, Tls
from tests.smtp.scripted import DOT, GO_AHEAD, GREETING, POLITE, Act, close, hang, reset, scripted
from tests.smtp.sending import PATIENT, send

HANGS_FOR = timedelta(seconds=1)
AT_ONCE = 16
TRIES = 5
"""For cells of which nobody can tell, because the machine had much else to do and stood still: one after another."""
VERBS = {
    Stage.BANNER: GREETING,
    Stage.EHLO: "EHLO",
    Stage.STARTTLS: "STARTTLS",
    Stage.AUTH: "AUTH",
    Stage.MAIL: "MAIL",
    Stage.RCPT: "RCPT",
    Stage.DATA: "DATA",
    Stage.BODY: DOT,
    Stage.QUIT: "QUIT",
}
FAULTS: Mapping[str, Act] = {
    "4yz": b"450 4.3.2 not now\r\n",
    "5yz": b"550 5.7.1 not you\r\n",
    "421": b"421 4.3.2 going down\r\n",
    "close": close,
    "reset": reset,
    "hang": hang,
    "garbage": b"hello?\r\n",
}
REFUSALS = {
    "4yz": (Ending.REFUSED_FOR_NOW, 450),
    "5yz": (Ending.REFUSED, 550),
    "421": (Ending.REFUSED_FOR_NOW, 421),
}
Result = tuple[Ending, Stage, int | None]


@dataclass(frozen=True, slots=True)
class Cell:
    tls: Tls
    stage: Stage
    answer: str
    pipelining: bool

    def __str__(self) -> str:
        return f"{self.tls}-{self.stage}-{self.answer}-{'pipelined' if self.pipelining else 'one by one'}"

    @property
    def expected(self) -> Result:
        agreed = self.answer == "2yz" and self.stage is not Stage.DATA  # which asks for 354
        if agreed or self.stage is Stage.QUIT:
            return Ending.ACCEPTED, Stage.BODY, 250
        if self.answer in REFUSALS:
            ending, code = REFUSALS[self.answer]
            return ending, self.stage, code
        ending = Ending.IN_DOUBT if self.stage is Stage.BODY else Ending.UNREACHABLE
        return ending, self.stage, 250 if self.answer == "2yz" else None

    @property
    def answers(self) -> Mapping[str, Act]:
        offers = [
            b"mx.test",
            b"PIPELINING",
            b"DSN",
            b"AUTH PLAIN",
            *([b"STARTTLS"] if self.tls is Tls.STARTTLS else []),
        ]
        ehlo = b"".join(b"250-%s\r\n" % offer for offer in offers) + b"250 SIZE 1000000\r\n"
        polite = {**POLITE, "EHLO": ehlo, "STARTTLS": GO_AHEAD}
        verb = VERBS[self.stage]
        agreement = b"250 ok\r\n" if self.stage is Stage.DATA else polite[verb]
        return {**polite, verb: FAULTS.get(self.answer, agreement)}

    @property
    def settings(self) -> SmtpSettings:
        login = Login("user", Secret("secret"))
        settings = replace(PATIENT, tls=self.tls, login=login, login_without_tls=True, pipelining=self.pipelining)
        if self.answer != "hang":
            return settings
        return replace(settings, timeouts=replace(settings.timeouts, reply=HANGS_FOR))


CELLS = [
    Cell(tls, stage, answer, pipelining)
    for tls in (Tls.NONE, Tls.STARTTLS, Tls.IMPLICIT)
    for stage in VERBS
    if stage is not Stage.STARTTLS or tls is Tls.STARTTLS
    for answer in ("2yz", *FAULTS)
    for pipelining in (True, False)
]


@dataclass(frozen=True, slots=True)
class Filled:
    attempt: Attempt
    heard: list[bytes]


Matrix = Mapping[Cell, Filled]


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """Fill all cells at once, so that those that hang wait together."""
    return asyncio.run(_fill(_certified()))


async def _fill(tls: ssl.SSLContext) -> Matrix:
    # Those that hang wait for less: they must not wait for the handshakes of all others too.
    hanging = [cell for cell in CELLS if cell.answer == "hang"]
    others = [cell for cell in CELLS if cell.answer != "hang"]
    return {**await _fill_cells(others, tls), **await _fill_cells(hanging, tls)}


async def _fill_cells(cells: list[Cell], tls: ssl.SSLContext) -> Matrix:
    slots = asyncio.Semaphore(AT_ONCE)

    async def fill(cell: Cell) -> Filled:
        async with slots, scripted(cell.answers, tls=tls, implicit=cell.tls is Tls.IMPLICIT) as server:
            return Filled(await send(server.port, settings=cell.settings), server.heard)

    matrix = dict(zip(cells, await asyncio.gather(*map(fill, cells)), strict=True))
    for _ in range(TRIES):
        for cell in [cell for cell, filled in matrix.items() if filled.attempt.ending is Ending.NOT_TRIED]:
            matrix[cell] = await fill(cell)
    return matrix


def _certified() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_cell_has_the_right_ending_stage_and_code(matrix: Matrix, cell: Cell) -> None:
    attempt = matrix[cell].attempt
    code = attempt.reply.code if attempt.reply else None
    assert (attempt.ending, attempt.stage, code) == cell.expected, attempt.reason


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.pipelining], ids=str)
def test_pipelining_changes_nothing_but_the_time(matrix: Matrix, cell: Cell) -> None:
    with_it, without = matrix[cell].attempt, matrix[replace(cell, pipelining=False)].attempt
    assert (with_it.ending, with_it.stage, with_it.reply) == (without.ending, without.stage, without.reply)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_message_is_said_only_where_the_server_asked_for_it(matrix: Matrix, cell: Cell) -> None:
    agreed = cell.answer == "2yz" and cell.stage is not Stage.DATA
    assert (b"Subject: test" in matrix[cell].heard) is (agreed or cell.stage in (Stage.BODY, Stage.QUIT))


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_transcript_says_what_was_pipelined(matrix: Matrix, cell: Cell) -> None:
    pipelined = {exchange.stage for exchange in matrix[cell].attempt.transcript if exchange.pipelined}
    before_the_envelope = (Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH)
    came_so_far = cell.stage not in before_the_envelope or cell.answer == "2yz"
    expected = {Stage.MAIL, Stage.RCPT, Stage.DATA} if cell.pipelining and came_so_far else set()
    assert pipelined == expected
