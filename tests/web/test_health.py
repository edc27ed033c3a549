"""What load balancers are answered."""

import asyncio
import socket
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from probe.engine.board import Board
from probe.engine.happenings import Judged
from probe.model.outcome import State
from probe.model.settings import HealthPolicy, Share, UnknownIs
from probe.model.verdict import Verdict
from probe.web.health import member_health, pool_health
from tests.metrics.boards import NOW, fresh_board, settings
from tests.web.serving import World

SHARES = [(Share(count=0), 0), (Share(count=1), 1), (Share(count=2), 2), (Share(ratio=0.5), 1), (Share(ratio=1.0), 2)]


def judged_board(*states: State, **policy: object) -> Board:
    """A board on which mta1 was given these verdicts, one after the other."""
    board = fresh_board(replace(settings(), health=HealthPolicy(**policy)))  # type: ignore[arg-type]
    for state in states:
        board(Judged("vip", "mta1", Verdict(state, "it was judged", NOW), None))
    return board


def test_a_member_that_is_up_is_answered_200() -> None:
    response = asyncio.run(World().ask("/health/vip/mta1"))
    assert (response.status_code, response.headers["Mailflow-Verdict"]) == (200, "up")
    assert response.json() == {
        "pool": "vip",
        "member": "mta1",
        "verdict": "up",
        "reason": "fine",
        "since": "2026-11-21T10:00:00.000000Z",
        "evidence_age_seconds": 30.0,
        "guarded": False,
        "flapping": False,
        "hold": None,
        "maintenance": None,
    }


def test_a_member_that_is_down_is_answered_503() -> None:
    response = asyncio.run(World().ask("/health/vip/mta2"))
    assert (response.status_code, response.headers["Mailflow-Verdict"]) == (503, "down")


@pytest.mark.parametrize("path", ["/health/vip/mta9", "/health/nothing/mta1", "/health/nothing", "/health/vip/%00"])
def test_who_does_not_exist_is_answered_404(path: str) -> None:
    response = asyncio.run(World().ask(path))
    assert response.status_code == 404
    assert response.json()["error"].startswith("there is no such ")


@pytest.mark.parametrize("path", ["/health/vip/mta1/", "/health/vip/", "/health", "/health/vip/mta1/x"])
def test_a_mistyped_path_is_answered_404_and_never_redirected(path: str) -> None:
    assert asyncio.run(World().ask(path)).status_code == 404


@pytest.mark.parametrize("member, status", [("mta1", 200), ("mta2", 503)])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_methods_are_answered_alike(method: str, member: str, status: int) -> None:
    response = asyncio.run(World().ask(f"/health/vip/{member}", method))
    assert response.status_code == status
    assert response.headers["Mailflow-Verdict"] == ("up" if status == 200 else "down")
    assert bool(response.content) is (method != "HEAD")


def test_a_method_that_changes_things_is_refused() -> None:
    assert asyncio.run(World().ask("/health/vip/mta1", "POST")).status_code == 405


@pytest.mark.parametrize(
    "member, line, verdict",
    [("mta1", b"200 OK", b"up"), ("mta2", b"503 Service Unavailable", b"down")],
)
def test_http_1_0_without_a_host_is_answered(member: str, line: bytes, verdict: bytes) -> None:
    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(f"OPTIONS /health/vip/{member} HTTP/1.0\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    head, _, body = asyncio.run(scenario()).partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"HTTP/1.1 " + line
    assert b"Mailflow-Verdict: " + verdict in head.splitlines()  # as docs/http.md writes it: scripts search for it
    assert body.startswith(b'{"pool":"vip"')


@pytest.mark.parametrize(
    "unknown_is, told, healthy",
    [
        (UnknownIs.UP, [], True),
        (UnknownIs.UP, [State.DOWN, State.UNKNOWN], True),
        (UnknownIs.DOWN, [], False),
        (UnknownIs.DOWN, [State.UP, State.UNKNOWN], False),
        (UnknownIs.HOLD, [], True),
        (UnknownIs.HOLD, [State.UP, State.UNKNOWN], True),
        (UnknownIs.HOLD, [State.DOWN, State.UNKNOWN], False),
        (UnknownIs.HOLD, [State.DOWN, State.UP, State.UNKNOWN, State.UNKNOWN], True),
        (UnknownIs.UP, [State.DOWN], False),
        (UnknownIs.DOWN, [State.UP], True),
    ],
)
def test_unknown_is_what_the_owner_says(unknown_is: UnknownIs, told: list[State], healthy: bool) -> None:
    board = judged_board(*told, unknown_is=unknown_is)
    answer = member_health(board, "vip", member="mta1", now=NOW)
    assert answer.healthy is healthy
    assert answer.verdict is (told[-1] if told else State.UNKNOWN)


def test_a_member_without_evidence_has_no_age_of_it() -> None:
    body = member_health(fresh_board(), "vip", member="mta1", now=NOW + timedelta(hours=1)).body
    assert (body["verdict"], body["reason"]) == ("unknown", "no probe has finished yet")
    assert body["evidence_age_seconds"] is None


def test_evidence_of_this_moment_is_of_age_0() -> None:
    board = fresh_board()
    board(Judged("vip", "mta1", Verdict(State.UP, "fine", NOW, ("a",), NOW), None))
    assert member_health(board, "vip", member="mta1", now=NOW).body["evidence_age_seconds"] == 0.0


@pytest.mark.parametrize("min_healthy, needed", SHARES)
@pytest.mark.parametrize("down", [0, 1, 2])
def test_a_pool_is_healthy_while_enough_are_not_down(min_healthy: Share, needed: int, down: int) -> None:
    board = fresh_board(replace(settings(), health=HealthPolicy(min_healthy=min_healthy)))
    for name in ("mta1", "mta2")[:down]:
        board(Judged("vip", name, Verdict(State.DOWN, "it failed", NOW), None))
    assert pool_health(board, "vip", now=NOW).healthy is (2 - down >= needed)


def test_a_pool_tells_of_all_its_members() -> None:
    response = asyncio.run(World().ask("/health/vip"))
    assert (response.status_code, response.headers["Mailflow-Verdict"]) == (200, "up")
    told = response.json()
    assert (told["pool"], told["verdict"], told["healthy"], told["min_healthy"]) == ("vip", "up", 1, 1)
    assert [(member["member"], member["verdict"]) for member in told["members"]] == [("mta1", "up"), ("mta2", "down")]


def test_a_pool_whose_members_are_not_known_yet_is_not_down() -> None:
    asked = settings()
    board = Board(asked, now=NOW)
    assert pool_health(board, "vip", now=NOW).healthy


def test_health_does_not_need_the_ledger() -> None:
    world = World()
    world.books.trouble = "the disk is full"
    assert asyncio.run(world.ask("/health/vip/mta1")).status_code == 200


def test_words_from_outside_get_into_the_body_only() -> None:
    # Given
    world = World()
    reason = '3 probes in a row rejected: 550 "\r\nSet-Cookie: x=1 <b>ünicode</b> \udcff'
    world.board(Judged("vip", "mta1", Verdict(State.DOWN, reason, NOW), None))

    # When
    response = asyncio.run(world.ask("/health/vip/mta1"))

    # Then
    assert response.json()["reason"] == reason
    assert "set-cookie" not in response.headers
    assert response.content.isascii()


def test_a_request_in_pieces_is_understood() -> None:
    async def scenario() -> bytes:
        async with World().served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in (b"HEAD /health/", b"vip/mta2 HTTP/1.1\r\nHo", b"st: x\r\nConnection: close\r\n", b"\r\n"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 503 ")


def test_many_askers_at_once_are_all_answered() -> None:
    async def scenario() -> list[httpx.Response]:
        async with World().served() as client:
            return await asyncio.gather(*(client.get("/health/vip/mta1") for _ in range(60)))

    assert {response.status_code for response in asyncio.run(scenario())} == {200}
