"""The PROXY protocol: its header to the octet, and members that expect it, or do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Ending
from probe.model.settings import ProxyProtocol, SmtpSettings, Tls
from probe.smtp.proxy import End, header
from tests.lab import MONITOR, SENDER, Laboratory
from tests.lab.postfix_config import PROXY_PORT, SMTP_PORT
from tests.smtp.conftest import Run
from tests.smtp.scripted import GREETING, Act, hang, named, saying, scripted
from tests.smtp.sending import ENVELOPE, HASTY, PATIENT, send

V1, V2 = (replace(PATIENT, proxy_protocol=version) for version in (ProxyProtocol.V1, ProxyProtocol.V2))
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
FOUR: tuple[End, End] = ("192.168.0.1", 56324), ("192.168.0.11", 443)
SIX: tuple[End, End] = ("2001:db8::1", 1), ("2001:db8:0:0:1::11", 65535)
LONGEST: tuple[End, End] = (("ffff:" * 7 + "ffff", 65535),) * 2


@pytest.mark.parametrize(
    "version, ends, octets",
    [
        (ProxyProtocol.NONE, FOUR, b""),
        (ProxyProtocol.V1, FOUR, b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
        (ProxyProtocol.V1, SIX, b"PROXY TCP6 2001:db8::1 2001:db8:0:0:1::11 1 65535\r\n"),
        (
            ProxyProtocol.V2,
            FOUR,
            SIGNATURE + bytes.fromhex("2111000c c0a80001 c0a8000b dc04 01bb"),
        ),
        (
            ProxyProtocol.V2,
            SIX,
            SIGNATURE
            + bytes.fromhex("21210024 20010db8000000000000000000000001 20010db8000000000001000000000011 0001 ffff"),
        ),
    ],
)
def test_a_header_is_written_to_the_octet(version: ProxyProtocol, ends: tuple[End, End], octets: bytes) -> None:
    assert header(version, source=ends[0], destination=ends[1]) == octets


def test_the_longest_text_fits_the_buffer_that_every_receiver_has() -> None:
    assert len(header(ProxyProtocol.V1, source=LONGEST[0], destination=LONGEST[1])) <= 107


@dataclass
class BehindProxy:
    """Passes on to a server what comes after one header; both sides speak only after it."""

    port: int = 0
    header: bytes = b""
    peer: End = ("", 0)


@asynccontextmanager
async def behind_proxy(server_port: int, *, length: int, host: str = "127.0.0.1") -> AsyncIterator[BehindProxy]:
    """Listen before a server, for a header in text (length 0) or one of so many octets."""
    front = BehindProxy()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(4096):
            writer.write(octets)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        front.peer = writer.get_extra_info("peername")[:2]
        front.header = await (reader.readexactly(length) if length else reader.readuntil(b"\r\n"))
        inward, outward = await asyncio.open_connection("127.0.0.1", server_port)
        await asyncio.gather(pump(reader, outward), pump(inward, writer), return_exceptions=True)

    listener = await asyncio.start_server(serve, host, 0)
    front.port = listener.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("settings, lengths", [(V1, (0, 0)), (V2, (28, 52))], ids=["v1", "v2"])
def test_our_own_address_and_the_members_are_announced_first(
    run: Run, settings: SmtpSettings, lengths: tuple[int, int], host: str
) -> None:
    async def story() -> None:
        async with scripted() as server, behind_proxy(server.port, length=lengths[":" in host], host=host) as front:
            attempt = await send(front.port, settings=settings, address=host)
        assert attempt.ending is Ending.ACCEPTED
        assert front.header == header(settings.proxy_protocol, source=front.peer, destination=(host, front.port))

    run(story())


def test_the_header_stands_before_tls_and_is_the_first_byte(run: Run) -> None:
    async def story() -> None:
        heard = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.readexactly(29))
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            attempt = await send(port, settings=replace(V2, tls=Tls.IMPLICIT))
        octets = await heard
        assert octets.startswith(SIGNATURE)
        assert octets[28] == 0x16  # a TLS handshake record
        assert attempt.first_byte
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.CONNECT)
        assert attempt.reason.endswith("; it had been sent a PROXY header first (proxy_protocol: v2)")

    run(story())


def test_the_header_counts_as_the_first_byte_where_nothing_else_was_sent(run: Run) -> None:
    async def story() -> None:
        async with scripted({GREETING: hang}) as server:
            bare = await send(server.port, settings=HASTY)
            announced = await send(server.port, settings=replace(HASTY, proxy_protocol=ProxyProtocol.V1))
        assert bare.first_byte is None
        assert announced.first_byte

    run(story())


@pytest.mark.parametrize(
    "greeting",
    [
        b"220 mx.test ESMTP\r\n",
        saying(b"220 mx.test ESMTP\r\n", b"502 5.5.2 what is PROXY?\r\n"),
        b"501 5.5.4 not now\r\n",
        b"421 4.3.0 PROXY timed out\r\n",
        b"\x00\x01\x02\r\n",
    ],
    ids=named,
)
def test_a_member_that_does_not_know_the_header_gives_a_reason_that_names_it(run: Run, greeting: Act) -> None:
    async def story() -> None:
        async with scripted({GREETING: greeting}) as server:
            attempt = await send(server.port, settings=V1)
        assert attempt.ending is not Ending.ACCEPTED
        assert attempt.stage in (Stage.BANNER, Stage.EHLO)
        assert attempt.reason.endswith("; it had been sent a PROXY header first (proxy_protocol: v1)")
        assert b"HELO probe.test" not in server.heard

    run(story())


def test_a_refusal_after_the_greetings_does_not_speak_of_the_header(run: Run) -> None:
    async def story() -> None:
        async with scripted({"MAIL": b"550 no\r\n"}) as server, behind_proxy(server.port, length=0) as front:
            attempt = await send(front.port, settings=V1)
        assert (attempt.ending, attempt.reason) == (Ending.REFUSED, "mail refused: 550 no")

    run(story())


@pytest.mark.lab
@pytest.mark.parametrize("settings", [V1, V2], ids=["v1", "v2"])
def test_postfix_behind_send_proxy_takes_a_message(run: Run, lab: Laboratory, settings: SmtpSettings) -> None:
    async def story() -> None:
        envelope = replace(ENVELOPE, sender=SENDER, recipient=MONITOR)
        member = lab.member("mta1")
        attempt = await send(PROXY_PORT, address=member.address, settings=settings, envelope=envelope)
        assert attempt.ending is Ending.ACCEPTED, attempt.reason

    run(story())


@pytest.mark.lab
@pytest.mark.parametrize("settings", [V1, V2], ids=["v1", "v2"])
def test_postfix_that_is_dialled_directly_does_not_know_the_header(
    run: Run, lab: Laboratory, settings: SmtpSettings
) -> None:
    async def story() -> None:
        attempt = await send(SMTP_PORT, address=lab.member("mta1").address, settings=settings)
        assert attempt.ending is not Ending.ACCEPTED
        assert "proxy_protocol" in attempt.reason

    run(story())
