"""How the agent answers, and how it stands against slow, many and rude clients; on the loop that the program has."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import uvloop

from probe.agent import AgentServer, Handover, conversation, server
from probe.engine.board import Board
from probe.engine.happenings import Judged, MembersKnown
from probe.model.outcome import State
from probe.model.settings import HealthPolicy, Listen, OnShutdown, UnknownIs
from probe.model.verdict import Verdict
from tests.agent.asking import LATER, ask, serving, to_the_end
from tests.metrics.boards import NOW, board_of_exchangers, fresh_board, lively_board, settings

DOWN = b"down #3 probes in a row missing\n"


def asked(board: Board, *pieces: bytes) -> bytes:
    """What one client is answered."""

    async def scenario() -> bytes:
        async with serving(board) as agent:
            return await ask(agent.port, *pieces)

    return uvloop.run(scenario())


def judged_board(unknown_is: UnknownIs, *states: State) -> Board:
    """A board on which mta1 was given these verdicts, one after the other."""
    board = fresh_board(replace(settings(), health=HealthPolicy(unknown_is=unknown_is)))
    for state in states:
        board(Judged("vip", "mta1", Verdict(state, "it was judged", NOW), None))
    return board


@pytest.mark.parametrize("question", [b"vip/mta2\n", b"vip/mta2\r\n", b" vip/mta2 \n", b"vip/mta2\nvip/mta1\n"])
def test_a_member_that_is_down_is_called_down_with_the_reason(question: bytes) -> None:
    assert asked(lively_board(), question) == DOWN


def test_an_answer_has_at_most_120_octets_with_its_line_end() -> None:
    board = fresh_board()
    board(Judged("vip", "mta1", Verdict(State.DOWN, "x" * 500, NOW), None))
    said = asked(board, b"vip/mta1\n")
    assert (len(said), said[-4:]) == (120, b"...\n")


def test_a_member_that_is_up_is_called_up() -> None:
    assert asked(lively_board(), b"vip/mta1\n") == b"up\n"


def test_a_question_in_pieces_is_understood() -> None:
    assert asked(lively_board(), b"vi", b"p/mta", b"2", b"\n") == DOWN


@pytest.mark.parametrize(
    "unknown_is, told, said",
    [
        (UnknownIs.UP, [State.UNKNOWN], b"up\n"),
        (UnknownIs.UP, [State.DOWN, State.UNKNOWN], b"up\n"),
        (UnknownIs.HOLD, [State.UNKNOWN], b"# unknown\n"),
        (UnknownIs.HOLD, [State.DOWN, State.UNKNOWN], b"# unknown\n"),
        (UnknownIs.HOLD, [State.UP, State.UNKNOWN], b"# unknown\n"),
        (UnknownIs.DOWN, [State.UNKNOWN], b"down #it was judged\n"),
        (UnknownIs.DOWN, [State.UP, State.UNKNOWN], b"down #it was judged\n"),
        *((unknown_is, [State.DOWN, State.UP], b"up\n") for unknown_is in UnknownIs),
        *((unknown_is, [State.UP, State.DOWN], b"down #it was judged\n") for unknown_is in UnknownIs),
    ],
)
def test_unknown_is_what_the_owner_says(unknown_is: UnknownIs, told: list[State], said: bytes) -> None:
    assert asked(judged_board(unknown_is, *told), b"vip/mta1\n") == said


@pytest.mark.parametrize("unknown_is", UnknownIs)
def test_before_any_thought_nothing_is_changed(unknown_is: UnknownIs) -> None:
    assert asked(judged_board(unknown_is), b"vip/mta1\n") == b"# unknown\n"


@pytest.mark.parametrize("unknown_is", UnknownIs)
def test_when_the_probe_is_being_stopped_everybody_is_called_up(unknown_is: UnknownIs) -> None:
    board = judged_board(unknown_is, State.DOWN)
    board.released = True
    assert asked(board, b"vip/mta1\n") == b"up\n"


@dataclass(frozen=True)
class Leaving:
    """What was answered, and for how long, when an agent said its last words."""

    slept: list[float]
    said: list[str]


def last_words(board: Board, *, asked_before: bool = True, change: Callable[[], None] = lambda: None) -> Leaving:
    """Let an agent leave its address, with a ``change`` on the board while it is doing so."""
    leaving = Leaving([], [])

    async def sleep(seconds: float) -> None:
        leaving.slept.append(seconds)
        change()
        leaving.said.extend(agent.answer(f"vip/{name}") for name in ("mta1", "mta2", "mta9"))

    async def scenario() -> None:
        await agent.start()
        if asked_before:
            agent.answer("vip/mta2")
        await agent.last_words()
        await agent.stop()

    agent = AgentServer(lambda: board, Listen("127.0.0.1", 0), Handover(lambda: LATER), sleep=sleep)
    uvloop.run(scenario())
    return leaving


@pytest.mark.parametrize("asked_before", [True, False])  # before a restart it may have been
def test_an_agent_that_leaves_calls_everybody_up_for_release_for(asked_before: bool) -> None:
    assert last_words(lively_board(), asked_before=asked_before) == Leaving([10.0], ["up", "up", "# unknown"])


def test_who_goes_down_while_it_leaves_and_who_goes_from_the_pool_is_called_up() -> None:
    board = lively_board()

    def change() -> None:
        board(MembersKnown("vip", board.settings.pools["vip"].members[:1]))
        board(Judged("vip", "mta1", Verdict(State.DOWN, "it failed", LATER), None))

    assert last_words(board, change=change).said == ["up", "up", "# unknown"]


def test_an_agent_leaves_at_once_where_nobody_is_down_or_all_are_to_stay_as_they_are() -> None:
    board = fresh_board()
    for name in ("mta1", "mta2"):
        board(Judged("vip", name, Verdict(State.UP, "fine", NOW), None))
    assert last_words(board).slept == []
    held = fresh_board(replace(settings(), health=HealthPolicy(on_shutdown=OnShutdown.HOLD)))
    held(Judged("vip", "mta2", Verdict(State.DOWN, "it failed", NOW), None))
    assert last_words(held).slept == []


@pytest.mark.parametrize(
    "question",
    [
        b"vip/mta9\n",
        b"nothing/mta1\n",
        b"vip\n",
        b"/\n",
        b"\n",
        b"vip/mta1/\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\xff\x00\n",
    ],
)
def test_who_is_not_known_is_told_nothing_and_the_operator_once(
    question: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    # When
    said = {asked(lively_board(), question) for _ in range(2)}

    # Then
    assert said == {b"# unknown\n"}
    assert {vars(record)["reason"] for record in caplog.records} == {
        "there is no such member; agent-send is POOL/MEMBER"
    }
    assert all(vars(record)["question"].isprintable() for record in caplog.records)


def test_names_that_somebody_makes_up_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    agent = AgentServer(lively_board, Listen("127.0.0.1", 0), Handover(lambda: LATER))
    for number in range(1000):
        agent.answer(f"vip/made-up-{number % 500}")
    assert len(caplog.records) == 50


def test_members_that_were_not_discovered_yet_are_no_mistake(caplog: pytest.LogCaptureFixture) -> None:
    board = board_of_exchangers()
    board(MembersKnown("mx", ()))
    assert asked(board, b"mx/mx1-v4\n") == b"# unknown\n"
    assert caplog.records == []


def test_a_member_that_went_while_it_was_down_is_called_up() -> None:
    # Given
    board = lively_board()

    async def scenario() -> list[bytes]:
        async with serving(board) as agent:
            said = [await ask(agent.port, b"vip/mta2\n")]
            board(MembersKnown("vip", board.settings.pools["vip"].members[:1]))
            return [*said, *[await ask(agent.port, b"vip/mta2\n") for _ in range(2)]]

    # When, then
    assert uvloop.run(scenario()) == [DOWN, b"up\n", b"up\n"]


def test_the_one_that_goes_waits_until_the_one_that_comes_back_was_heard_of() -> None:
    # Given: of two members one is down, and then the other one in its place
    board, now = lively_board(), [LATER]
    told: list[list[bytes]] = []

    async def scenario() -> None:
        async with serving(board, now=lambda: now[0]) as agent:

            async def hear() -> None:
                told.append([await ask(agent.port, f"vip/{name}\n".encode()) for name in ("mta1", "mta2")])

            await hear()
            board(Judged("vip", "mta1", Verdict(State.DOWN, "it failed", LATER), None))
            board(Judged("vip", "mta2", Verdict(State.UP, "fine", LATER), None))
            await hear()
            now[0] = LATER + timedelta(seconds=9.9)
            await hear()
            now[0] = LATER + timedelta(seconds=10)
            await hear()

    # When
    uvloop.run(scenario())

    # Then
    assert told == [[b"up\n", DOWN], [b"up\n", b"up\n"], [b"up\n", b"up\n"], [b"down #it failed\n", b"up\n"]]


@pytest.mark.parametrize("question", [b"", b"vip/mta2"])
def test_who_does_not_come_to_an_end_is_left_without_an_answer(
    question: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(conversation, "WITHIN_SECONDS", 0.05)
    assert asked(lively_board(), question) == b""
    assert [vars(record)["reason"].partition(":")[2] for record in caplog.records] == [" does agent-send end with \\n?"]


@pytest.mark.parametrize("length, said", [(255, b"# unknown\n"), (256, b""), (100_000, b"")])
def test_a_question_has_at_most_256_octets(length: int, said: bytes) -> None:
    assert asked(lively_board(), b"x" * length + b"\n") == said


def test_a_client_that_goes_on_dripping_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WITHIN_SECONDS", 0.1)

    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"X")
            await asyncio.sleep(0.01)

    async def scenario() -> bytes:
        async with serving(lively_board()) as agent:
            reader, writer = await asyncio.open_connection("127.0.0.1", agent.port)
            dripping = asyncio.create_task(drip(writer))
            said = await to_the_end(reader)
            dripping.cancel()
            writer.close()
            return said

    assert uvloop.run(scenario()) == b""


def test_a_full_house_lets_the_longest_waiting_go_and_answers_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 5)

    async def scenario() -> None:
        async with serving(lively_board()) as agent:
            # Given
            silent = [await asyncio.open_connection("127.0.0.1", agent.port) for _ in range(8)]

            # When
            said = await ask(agent.port, b"vip/mta2\n")

            # Then
            assert said == DOWN
            assert await to_the_end(silent[0][0]) == b""
            for _, writer in silent:
                writer.close()

    uvloop.run(scenario())


def test_a_thousand_askers_are_all_answered_while_as_many_say_nothing() -> None:
    async def scenario() -> set[bytes]:
        async with serving(lively_board()) as agent:
            silent = [await asyncio.open_connection("127.0.0.1", agent.port) for _ in range(300)]
            said = [await asyncio.gather(*(ask(agent.port, b"vip/mta2\n") for _ in range(100))) for _ in range(10)]
            for _, writer in silent:
                writer.close()
            return {each for batch in said for each in batch}

    assert uvloop.run(scenario()) == {DOWN}


def test_who_hangs_up_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> bytes:
        async with serving(lively_board()) as agent:
            for question in (b"", b"vip/", b"vip/mta2\n"):
                _, writer = await asyncio.open_connection("127.0.0.1", agent.port)
                writer.write(question)
                writer.transport.abort()
            return await ask(agent.port, b"vip/mta2\n")

    with caplog.at_level(logging.DEBUG):
        assert uvloop.run(scenario()) == DOWN


def test_a_port_in_use_is_an_error_that_can_be_told() -> None:
    async def scenario(port: int) -> None:
        with pytest.raises(OSError, match="in use"):
            await AgentServer(lively_board, Listen("127.0.0.1", port), Handover(lambda: LATER)).start()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        uvloop.run(scenario(taken.getsockname()[1]))


def test_the_port_is_free_when_the_server_has_stopped_however_silent_a_client_is() -> None:
    async def scenario() -> None:
        async with serving(lively_board()) as agent:
            port = agent.port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await ask(port, b"vip/mta1\n")
        assert await to_the_end(reader) == b""
        writer.close()
        again = AgentServer(lively_board, Listen("127.0.0.1", port), Handover(lambda: LATER))
        await again.start()
        assert again.port == port
        await again.stop()

    uvloop.run(scenario())
