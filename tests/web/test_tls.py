"""TLS and mutual TLS on the web server, on the loop of the tests and on that of the program."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
import uvloop

from probe.model.settings import ClientAuth, TlsVersion
from probe.web import door
from tests.web.secured import Pki, guarded, web_file
from tests.web.serving import World
from tests.web.test_server import read_to_the_end

Scenario = Callable[[], Coroutine[Any, Any, Any]]
Run = Callable[[Scenario], Any]
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    def on_the_loop(scenario: Scenario) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(scenario())

    return on_the_loop


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


def asked(world: World, trusts: ssl.SSLContext, path: str = "/-/healthy") -> Scenario:
    async def scenario() -> httpx.Response:
        async with world.served(trusts) as client:
            return await client.get(path)

    return scenario


def test_pages_come_over_tls(pki: Pki, run: Run) -> None:
    response = run(asked(guarded(pki.tls()), pki.client()))
    assert (response.status_code, response.text, response.http_version) == (200, "Healthy\n", "HTTP/1.1")


def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(pki: Pki, run: Run) -> None:
    async def scenario() -> bytes:
        async with guarded(pki.tls()).served(pki.client()) as client:
            return await asyncio.to_thread(at_once, client.base_url.port)

    def at_once(port: int | None) -> bytes:
        """Send the last message of the handshake and a request in one segment."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = pki.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as connection:
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65536))
            client.write(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            connection.sendall(outgoing.read())
            while True:
                incoming.write(connection.recv(65536))
                try:
                    return client.read(65536)
                except ssl.SSLWantReadError:
                    continue

    assert b"200 OK" in run(scenario)


@pytest.mark.parametrize("newest, spoken", [(TlsVersion.TLS12, "TLSv1.2"), (TlsVersion.TLS13, "TLSv1.3")])
def test_versions_are_those_of_the_web_config(pki: Pki, newest: TlsVersion, spoken: str) -> None:
    async def scenario() -> str | None:
        async with guarded(pki.tls(newest=newest)).served(pki.client()) as client:
            _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port, ssl=pki.client())
            version: str | None = writer.get_extra_info("ssl_object").version()
            writer.close()
            return version

    assert asyncio.run(scenario()) == spoken


def test_ciphers_and_curve_are_those_of_the_web_config(pki: Pki) -> None:
    only = pki.tls(newest=TlsVersion.TLS12, ciphers=("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"))

    async def scenario(others: str | None) -> str:
        async with guarded(only).served(pki.client()) as client:
            trusts = pki.client()
            if others:
                trusts.set_ciphers(others)
            _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port, ssl=trusts)
            name: str = writer.get_extra_info("cipher")[0]
            writer.close()
            return name

    assert asyncio.run(scenario(None)).endswith("AES256-GCM-SHA384")
    with pytest.raises(OSError):
        asyncio.run(scenario("ECDHE+AES128"))


def test_a_client_with_a_certificate_of_the_authority_comes_in(pki: Pki, run: Run) -> None:
    world = guarded(pki.mutual(client_auth=ClientAuth.REQUIRED))
    assert run(asked(world, pki.client("prometheus.test"))).status_code == 200


def test_without_one_there_is_not_even_health(pki: Pki, run: Run) -> None:
    world = guarded(pki.mutual(client_auth=ClientAuth.REQUIRED))
    with pytest.raises(httpx.TransportError):
        run(asked(world, pki.client(), "/health/vip/mta1"))


def test_one_of_another_authority_does_not_help(pki: Pki) -> None:
    trusts = pki.client()
    Pki().clients.issue_cert("prometheus.test").configure_cert(trusts)
    with pytest.raises(httpx.TransportError):
        asyncio.run(asked(guarded(pki.mutual(client_auth=ClientAuth.REQUIRED)), trusts)())


@pytest.mark.parametrize("names", [(), ("prometheus.test",)])
def test_one_that_is_verified_if_given_may_be_left_out(pki: Pki, names: tuple[str, ...]) -> None:
    world = guarded(pki.mutual(client_auth=ClientAuth.IF_GIVEN))
    assert asyncio.run(asked(world, pki.client(*names))()).status_code == 200


@pytest.mark.parametrize(
    "allowed, name, comes_in",
    [
        ("prometheus.test", "prometheus.test", True),
        ("prometheus.test", "other.prometheus.test", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.70", False),
        ("2001:db8::7", "2001:db8:0::7", True),
        ("ops@example.org", "ops@example.org", True),
    ],
)
def test_only_allowed_names_come_in(pki: Pki, allowed: str, name: str, comes_in: bool) -> None:
    world = guarded(pki.mutual(client_auth=ClientAuth.REQUIRED, client_allowed_sans=("someone.test", allowed)))
    try:
        assert asyncio.run(asked(world, pki.client(name))()).status_code == 200
    except httpx.TransportError:
        assert not comes_in
    else:
        assert comes_in


def test_a_new_certificate_is_shown_to_whoever_connects_next(pki: Pki, run: Run) -> None:
    world = guarded(pki.tls("127.0.0.1", "old.test"))

    async def shown(port: int | None) -> str:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=pki.client())
        names: str = writer.get_extra_info("peercert")["subjectAltName"][-1][1]
        writer.close()
        return names

    async def scenario() -> list[str]:
        async with world.served(pki.client()) as client:
            before = await shown(client.base_url.port)
            world.guard.use(web_file(pki.tls("127.0.0.1", "new.test")))
            return [before, await shown(client.base_url.port)]

    assert run(scenario) == ["old.test", "new.test"]


def test_tls_can_be_turned_on_while_the_server_listens(pki: Pki) -> None:
    world = World()

    async def scenario() -> None:
        async with world.served() as client:
            assert (await client.get("/-/healthy")).status_code == 200
            world.guard.use(web_file(pki.tls()))
            url = f"https://127.0.0.1:{client.base_url.port}/-/healthy"
            async with httpx.AsyncClient(verify=pki.client(), trust_env=False) as over_tls:
                assert (await over_tls.get(url)).status_code == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "piece", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x40\x00" + b"x" * 99]
)
def test_a_handshake_that_never_ends_is_cut_off(
    pki: Pki, piece: bytes, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "HANDSHAKE_WITHIN_SECONDS", 0.1)

    async def scenario() -> bytes:
        async with guarded(pki.tls()).served(pki.client()) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(piece)
            answer = await asyncio.wait_for(read_to_the_end(reader), 10)
            writer.close()
            return answer

    assert b"HTTP" not in run(scenario)


def test_handshakes_that_never_end_keep_nobody_out(pki: Pki, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_HANDSHAKES", 5)

    async def scenario() -> None:
        async with guarded(pki.tls()).served(pki.client()) as client:
            # Given
            silent = [await asyncio.open_connection("127.0.0.1", client.base_url.port) for _ in range(20)]

            # When
            response = await client.get("/health/vip/mta1")

            # Then
            assert response.status_code == 200
            assert await asyncio.wait_for(read_to_the_end(silent[0][0]), 10) == b""
            for _, writer in silent:
                writer.close()

    run(scenario)


def test_a_handshake_that_goes_on_does_not_keep_the_server_from_stopping(pki: Pki, run: Run) -> None:
    async def scenario() -> None:
        async with guarded(pki.tls()).served(pki.client()) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            await client.get("/-/healthy")
        assert await asyncio.wait_for(read_to_the_end(reader), 10) == b""
        writer.close()

    run(scenario)
