"""What a dialogue tells of a server's TLS beside its ending, on connections that are made anyway."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings, Tls
from probe.model.tls_seen import TlsSeen
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.smtp.conftest import Run
from tests.smtp.scripted import GREETING, Act, close, hang, saying, scripted
from tests.smtp.sending import ENVELOPE, PATIENT, TOTAL, send

OFFERING: dict[str, Act] = {"EHLO": b"250-mx.test\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go ahead\r\n"}
WITHOUT: dict[str, Act] = {"EHLO": b"250 mx.test\r\n"}
OPTIONAL = replace(PATIENT, tls=Tls.OPPORTUNISTIC)
DEMANDED = replace(PATIENT, tls=Tls.STARTTLS)


@pytest.fixture(scope="module")
def chain() -> trustme.LeafCert:
    """A certificate with an authority between it and the one that nobody shows."""
    return trustme.CA().create_child_ca().issue_cert("mx1.lab.test", not_before=datetime(2019, 1, 1, tzinfo=UTC))


def context_of(chain: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    chain.configure_cert(context)
    return context


def ders(chain: trustme.LeafCert) -> tuple[bytes, ...]:
    return tuple(ssl.PEM_cert_to_DER_cert(pem.bytes().decode()) for pem in chain.cert_chain_pems)


async def ask(port: int, settings: SmtpSettings) -> Attempt:
    clock = SystemClock()
    member = Member("mx", "mx1-v4", "127.0.0.1", port, "mx1.lab.test")
    return await SmtpSender(clock).ask(member, ENVELOPE, settings=settings, until=clock.now() + TOTAL * 10)


@pytest.mark.parametrize("speak", [send, ask])
@pytest.mark.parametrize("tls, offered", [(Tls.OPPORTUNISTIC, True), (Tls.STARTTLS, True), (Tls.IMPLICIT, None)])
def test_the_whole_chain_is_told_whether_or_not_it_is_checked(
    run: Run, chain: trustme.LeafCert, speak: Callable[..., object], tls: Tls, offered: bool | None
) -> None:
    async def story() -> None:
        implicit = tls is Tls.IMPLICIT
        async with scripted({} if implicit else OFFERING, tls=context_of(chain), implicit=implicit) as server:
            settings = replace(PATIENT, tls=tls)
            attempt = await (ask(server.port, settings) if speak is ask else send(server.port, settings=settings))
        assert attempt.ending is Ending.ACCEPTED
        assert attempt.tls == TlsSeen(offered, version="TLSv1.3", chain=ders(chain), whole=True)
        assert server.sessions == 1

    run(story())


@pytest.mark.parametrize("tls", [Tls.OPPORTUNISTIC, Tls.STARTTLS])
def test_the_chain_is_told_when_it_did_not_pass(run: Run, chain: trustme.LeafCert, tmp_path: Path, tls: Tls) -> None:
    async def story() -> None:
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        settings = replace(PATIENT, tls=tls, verify=True, ca_file=tmp_path / "ca.pem")
        async with scripted(OFFERING, tls=context_of(chain)) as server:
            attempt = await send(server.port, settings=settings, hostname="mx1.lab.test")
        assert attempt.ending is Ending.UNREACHABLE
        assert attempt.tls == TlsSeen(offered=True, version="TLSv1.3", chain=ders(chain), whole=True)

    run(story())


@pytest.mark.parametrize(
    "settings, answers, seen",
    [
        (OPTIONAL, WITHOUT, TlsSeen(offered=False)),
        (DEMANDED, WITHOUT, TlsSeen(offered=False)),
        (replace(PATIENT, tls=Tls.NONE), OFFERING, TlsSeen(offered=True)),
        (OPTIONAL, {GREETING: b"554 no\r\n"}, TlsSeen()),
        (OPTIONAL, {"EHLO": b"550 no\r\n"}, TlsSeen()),
        (OPTIONAL, {"EHLO": b"502 no\r\n", "HELO": b"250 mx.test\r\n"}, TlsSeen(offered=False)),
        (
            OPTIONAL,
            OFFERING | {"STARTTLS": b"454 not now\r\n"},
            TlsSeen(offered=True, trouble="mta1 offers STARTTLS, and refuses it when it is asked for"),
        ),
        (
            DEMANDED,
            OFFERING | {"STARTTLS": b"454 4.7.0 not now\r\n"},
            TlsSeen(offered=True, trouble="starttls refused: 454 4.7.0 not now"),
        ),
        (
            OPTIONAL,
            OFFERING | {"STARTTLS": saying(b"220 go\r\n", close)},
            TlsSeen(offered=True, trouble="mta1 broke off the TLS handshake: Connection reset by peer"),
        ),
        (
            OPTIONAL,
            OFFERING | {"STARTTLS": saying(b"220 go\r\n250 injected\r\n", hang)},
            TlsSeen(offered=True, trouble="mta1 injected plain text in front of the TLS handshake", injected=True),
        ),
    ],
    ids=[
        "not offered",
        "stripped",
        "not wanted",
        "refused at banner",
        "refused at ehlo",
        "server of old",
        "refused",
        "refused, demanded",
        "broken off",
        "injected",
    ],
)
def test_what_stood_in_the_way_of_tls_is_told(
    run: Run, settings: SmtpSettings, answers: dict[str, Act], seen: TlsSeen
) -> None:
    async def story() -> None:
        async with scripted(answers) as server:
            attempt = await send(server.port, settings=settings)
        told = attempt.tls
        if told.trouble and told.trouble.startswith("mta1 broke off"):
            told = replace(told, trouble=seen.trouble)  # closed or reset: the kernel's words vary
        assert told == seen

    run(story())


def test_nothing_is_known_of_a_server_that_was_not_reached(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            port = server.port
        assert not (await send(port, settings=OPTIONAL)).tls.tells

    run(story())


def test_what_was_seen_is_told_again_over_a_connection_that_was_kept(run: Run, chain: trustme.LeafCert) -> None:
    async def story() -> None:
        clock = SystemClock()
        sender = SmtpSender(clock)
        settings = replace(OPTIONAL, reuse=TOTAL * 20)
        async with scripted({**OFFERING, "RSET": b"250 ok\r\n"}, tls=context_of(chain)) as server:
            member = Member("mx", "mx1-v4", "127.0.0.1", server.port, "mx1.lab.test")
            attempts = [
                await sender.send(member, ENVELOPE, settings=settings, until=clock.now() + TOTAL * 10) for _ in range(2)
            ]
            await sender.close()
        assert server.sessions == 1
        assert [attempt.tls for attempt in attempts] == [
            TlsSeen(offered=True, version="TLSv1.3", chain=ders(chain), whole=True)
        ] * 2

    run(story())
