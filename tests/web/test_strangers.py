"""What a browser can be made to send, and requests that mean two things."""

import asyncio
import socket
from dataclasses import replace

import httpx
import pytest
from starlette.datastructures import Headers

from probe.model.settings import Web
from probe.web import Guard, strangers
from probe.web.strangers import is_foreign
from tests.metrics.boards import fresh_board, settings
from tests.web.secured import LOGIN, USERS, web_file
from tests.web.serving import World
from tests.web.test_server import read_to_the_end

REBOUND = "rebound.example:9847"


def world(guard: Guard | None = None) -> World:
    return World(fresh_board(replace(settings(), web=Web(lifecycle=True))), guard=guard or Guard())


def reload(world: World, auth: tuple[str, str] | None = None, **headers: str) -> int:
    async def scenario() -> int:
        async with world.served() as client:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            if auth:
                client.auth = httpx.BasicAuth(*auth)
            return (await client.post("/-/reload", headers=given)).status_code

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "origin, host, foreign",
    [
        ("http://127.0.0.1:9847", "127.0.0.1:9847", False),
        ("http://localhost:9847", "localhost:9847", False),
        ("http://[::1]:9847", "[::1]:9847", False),
        ("http://LOCALHOST:9847", "localhost:9847", False),
        (f"http://{socket.gethostname()}:9847", f"{socket.gethostname()}:9847", False),
        ("http://evil.example", "127.0.0.1:9847", True),
        ("http://127.0.0.1:80", "127.0.0.1:9847", True),
        ("null", "127.0.0.1:9847", True),
        ("", "127.0.0.1:9847", True),
        ("http://[", "127.0.0.1:9847", True),
        ("http://localhost:9847", "[", True),
        # A name that was made to point here: its page and its requests are of one origin.
        (f"http://{REBOUND}", REBOUND, True),
        ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example", True),
        ("http://localhost.evil.example", "localhost.evil.example", True),
    ],
)
def test_a_page_is_foreign_unless_it_is_ours(origin: str, host: str, foreign: bool) -> None:
    assert is_foreign(Headers({"Origin": origin, "Host": host}), asked_for_a_login=False) is foreign


def test_no_foreign_page_changes_anything() -> None:
    lively = world()
    assert reload(lively, Origin="http://evil.example") == 403
    assert lively.reloads == 0


def test_what_is_no_browser_may_call_it_any_name() -> None:
    assert reload(world(), Host="probe.example.org") == 200


def test_with_a_login_a_browser_may_do_so_too() -> None:
    guard = Guard(web_file(users=USERS))
    assert reload(world(guard), LOGIN, Origin=f"http://{REBOUND}", Host=REBOUND) == 200
    assert reload(world(guard), LOGIN, Origin="http://evil.example", Host=REBOUND) == 403


@pytest.mark.parametrize("extra, status", [(0, 200), (1, 413)])
def test_a_body_that_is_announced_too_long_is_refused(extra: int, status: int) -> None:
    async def scenario() -> int:
        async with world().served() as client:
            return (await client.post("/-/reload", content=b"x" * (strangers.LONGEST_BODY + extra))).status_code

    assert asyncio.run(scenario()) == status


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 50\r\n",
        b"Content-Length: +5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"X: y\r\n folded\r\nTransfer-Encoding:\x0bchunked\r\n",
        b"Content-Length: 0\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_no_second_request_is_smuggled_in_behind_a_first(head: bytes) -> None:
    """A proxy that sees one request, and a server that sees two, would let the second pass unseen."""

    async def scenario() -> bytes:
        async with lively.served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(b"POST /-/healthy HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n0\r\n\r\n")
            writer.write(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await asyncio.wait_for(read_to_the_end(reader), 10)
            writer.close()
            return answer

    lively = world()
    answer = asyncio.run(scenario())
    assert (answer.count(b"HTTP/1.1 "), lively.reloads) == (1, 0), answer


@pytest.mark.parametrize("path", [b"/health/../metrics", b"/-/../metrics", b"/health/%2e%2e/metrics"])
def test_no_way_around_leads_past_the_login(path: bytes) -> None:
    async def scenario() -> bytes:
        async with world(Guard(web_file(users=USERS))).served() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await asyncio.wait_for(read_to_the_end(reader), 10)
            writer.close()
            return answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 404 ")
