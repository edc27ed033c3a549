"""The agent-check in the whole program: from the start to the end, and over reloads."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agent.asking import ask
from tests.wiring.site import Running, mail_system, run, running

ANYWHERE = {"listen": "127.0.0.1:0"}
RELEASE_SECONDS = 1.5


def policy(**changes: Any) -> dict[str, Any]:
    # Never stale: a reload takes its time on a busy machine.
    return {"rise": 1, "fall": 2, "release_for": f"{RELEASE_SECONDS * 1000:.0f}ms", "stale_after": "1h"} | changes


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def said(site: Running, member: str) -> str:
    assert site.daemon.agent_port
    return (await ask(site.daemon.agent_port, f"vip/{member}\n".encode())).decode()


async def is_down(site: Running) -> bool:
    return (await said(site, "discarding")).startswith("down #2 probes in a row missing: ")


async def is_up(site: Running) -> bool:
    return await said(site, "discarding") == "up\n"


def test_who_is_down_is_released_before_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path, agent=ANYWHERE, health=policy()) as site:
            await site.until(lambda: is_down(site))
            began = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            await site.until(lambda: is_up(site))
            health = await site.get("/health/vip/discarding")
            assert (health.status_code, health.headers["Mailflow-Verdict"]) == (200, "up")
            assert health.json()["reason"].startswith("the probe is being stopped")
            assert not site.task.done()
            await site.task
            assert RELEASE_SECONDS <= time.monotonic() - began < 8

    run(scenario)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"agent": ANYWHERE, "health": policy(on_shutdown="hold", release_for="1h")}, id="hold"),
        pytest.param({"health": policy(release_for="1h")}, id="no agent"),
        pytest.param({"agent": ANYWHERE, "health": policy(release_for="1h", fall=1000)}, id="nobody down"),
    ],
)
def test_where_nobody_is_to_be_released_it_goes_at_once(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path, **changes) as site:
            if changes["health"]["fall"] < 1000:
                await site.until(lambda: _health_is(site, 503))
            began = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            await site.task
            assert time.monotonic() - began < 8

    run(scenario)


async def _health_is(site: Running, status: int, member: str = "discarding") -> bool:
    return await site.health(member) == status


def test_who_came_back_and_was_not_asked_for_since_is_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        health = policy(fall=1000)
        async with mail_system() as system, running(system, tmp_path, agent=ANYWHERE, health=health) as site:
            # Given a balancer that heard "down", and not yet that it is over
            hold = {"pool": "vip", "member": "good", "for": "1h", "why": "a new disk", "as": "down"}
            assert (await site.client.post("/api/v1/holds", json=hold)).status_code == 200
            await site.until(lambda: _health_is(site, 503, "good"))
            assert (await said(site, "good")).startswith("down #")
            assert (await site.client.post("/api/v1/holds/vip/good/release", json={})).status_code == 200
            await site.until(lambda: _health_is(site, 200, "good"))

            # When
            began = time.monotonic()
            site.daemon.stop()
            assert await said(site, "good") == "up\n"

            # Then
            await site.task
            assert time.monotonic() - began >= RELEASE_SECONDS

    run(scenario)


def test_a_reload_during_the_release_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path, agent=ANYWHERE, health=policy()) as site:
            await site.until(lambda: is_down(site))
            site.daemon.stop()
            reload = asyncio.create_task(site.daemon.reload())
            await site.task
            assert await reload == ["the program is being stopped"]

    run(scenario)


def test_after_a_restart_who_was_down_is_never_called_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        agent, web = free_port(), free_port()
        changes = {"agent": {"listen": f"127.0.0.1:{agent}"}, "health": policy(on_shutdown="hold")}
        heard: set[bytes | int] = set()
        async with mail_system() as system:
            async with running(system, tmp_path, **changes) as site:
                await site.until(lambda: is_down(site))
            site.config["web"]["listen"] = f"127.0.0.1:{web}"
            asking = [asyncio.create_task(each) for each in (_listen_to(agent, heard), _watch(web, heard))]
            async with running(system, tmp_path, web=site.config["web"], **changes) as site:
                assert await is_down(site)
                assert await site.health("discarding") == 503
            for task in asking:
                task.cancel()
        assert 503 in heard
        assert all(word == 503 or str(word).startswith(("b'down ", "b'# unknown")) for word in heard)

    run(scenario)


async def _listen_to(port: int, heard: set[bytes | int]) -> None:
    """Ask all the time, from before the start on."""
    while True:
        with contextlib.suppress(OSError):
            heard |= {line for line in [await ask(port, b"vip/discarding\n")] if line}
        await asyncio.sleep(0.002)


async def _watch(port: int, heard: set[bytes | int]) -> None:
    """Ask by HTTP all the time, from before the start on."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                heard.add((await client.get("/health/vip/discarding")).status_code)
            await asyncio.sleep(0.002)


def test_after_a_restart_who_was_down_long_ago_is_called_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            changes: dict[str, Any] = {"agent": ANYWHERE, "health": policy(on_shutdown="hold")}
            async with running(system, tmp_path, **changes) as site:
                await site.until(lambda: is_down(site))
                inbound = site.config["routes"]["inbound"]
            changes["health"] = policy(stale_after="1ms")
            async with running(system, tmp_path, routes={"inbound": inbound | {"interval": "1d"}}, **changes) as site:
                assert await is_up(site)

    run(scenario)


def test_a_reload_adds_moves_and_removes_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path, health=policy()) as site:
            assert site.daemon.agent_port is None
            await site.until(lambda: _health_is(site, 503))
            ports = []
            for _ in range(2):
                ports.append(free_port())
                site.write(agent={"listen": f"127.0.0.1:{ports[-1]}"})
                assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
                assert site.daemon.agent_port == ports[-1]
                assert await is_down(site)
            del site.config["agent"]
            site.write()
            assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
            assert site.daemon.agent_port is None
            for port in ports:
                await site.until(lambda port=port: _refuses(port))  # type: ignore[misc]

    run(scenario, seconds=30)


async def _heard_to_the_end(port: int) -> list[bytes]:
    """Ask until the port is closed, and return what was answered, the same thing once in a row."""
    heard = [b""]
    with contextlib.suppress(ConnectionError):
        while True:
            answer = await ask(port, b"vip/discarding\n")
            heard += [answer] * (answer not in (heard[-1], b""))
    return heard[1:]


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "removed"])
def test_a_reload_releases_those_who_ask_at_the_old_port_and_then_closes_it(tmp_path: Path, moved: bool) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            old, new = free_port(), free_port()
            agent = {"listen": f"127.0.0.1:{old}"}
            async with running(system, tmp_path, agent=agent, health=policy()) as site:
                await site.until(lambda: is_down(site))
                site.write(agent={"listen": f"127.0.0.1:{new}"} if moved else None)
                hearing, began = asyncio.create_task(_heard_to_the_end(old)), time.monotonic()
                assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
                assert await site.health("discarding") == 503
                assert not moved or await is_down(site)
                down, up = await hearing
                assert (down[:5], up) == (b"down ", b"up\n")
                assert time.monotonic() - began >= RELEASE_SECONDS

    run(scenario)


def test_with_hold_the_old_port_is_closed_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            health = policy(on_shutdown="hold", release_for="1h")
            old = free_port()
            async with running(system, tmp_path, agent={"listen": f"127.0.0.1:{old}"}, health=health) as site:
                await site.until(lambda: is_down(site))
                site.write(agent={"listen": f"127.0.0.1:{free_port()}"})
                assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
                await site.until(lambda: _refuses(old))

    run(scenario)


def test_a_stop_soon_after_a_reload_waits_until_those_at_the_old_port_have_heard_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            old = free_port()
            agent = {"listen": f"127.0.0.1:{old}"}
            async with running(system, tmp_path, agent=agent, health=policy(release_for="4s")) as site:
                await site.until(lambda: is_down(site))
                site.write(agent=None)
                hearing, began = asyncio.create_task(_heard_to_the_end(old)), time.monotonic()
                assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
                site.daemon.stop()
                await site.task
                assert time.monotonic() - began >= 4
                assert (await hearing)[-1] == b"up\n"

    run(scenario)


def test_a_reload_exchanges_the_ports_of_pages_and_agent_check(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system:
            one, other = free_port(), free_port()
            web, agent = {"listen": f"127.0.0.1:{one}", "lifecycle": True}, {"listen": f"127.0.0.1:{other}"}
            async with running(system, tmp_path, web=web, agent=agent) as site:
                site.write(web=web | agent, agent={"listen": f"127.0.0.1:{one}"})
                assert (await site.client.post("/-/reload", timeout=10)).status_code == 200
                assert (site.daemon.port, site.daemon.agent_port) == (other, one)
                await site.until(lambda: _says(one, b"up\n"))
                site.client.base_url = f"http://127.0.0.1:{other}"
                await site.until(lambda: _health_is(site, 200, "good"))

    run(scenario)


async def _says(port: int, answer: bytes) -> bool:
    return await ask(port, b"vip/good\n") == answer


async def _refuses(port: int) -> bool:
    try:
        await ask(port, b"vip/good\n")
    except ConnectionError as error:  # it is reset where the port is closed before it is answered
        return isinstance(error, ConnectionRefusedError)
    return False


def test_a_reload_onto_a_port_that_is_taken_moves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with mail_system() as system, running(system, tmp_path, agent=ANYWHERE) as site:
            before = site.daemon.port, site.daemon.agent_port
            taken = f"127.0.0.1:{system.imap.port}"
            site.write(web={"listen": f"127.0.0.1:{free_port()}", "lifecycle": True}, agent={"listen": taken})
            answer = await site.client.post("/-/reload", timeout=10)
            assert answer.status_code == 500
            assert answer.text.startswith(f"cannot listen on {taken}: Address already in use")
            assert (site.daemon.port, site.daemon.agent_port) == before
            assert await said(site, "good") == "up\n"

    run(scenario)
