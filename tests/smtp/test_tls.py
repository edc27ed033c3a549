"""Sending under TLS: what is trusted, what is not, and what is told of the certificate either way."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.secret import Secret
from probe.model.settings import Login, SmtpSettings, Tls
from tests.smtp.conftest import Run
from tests.smtp.scripted import DOT, GREETING, POLITE, Act, close, hang, named, reset, saying, scripted
from tests.smtp.sending import BIG, ENVELOPE, PATIENT, send

EXPIRY = datetime(2040, 5, 17, 12, 0, tzinfo=UTC)
EXPIRED = datetime(2020, 5, 17, 12, 0, tzinfo=UTC)
OFFER = b"250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
OFFERING: dict[str, Act] = {"EHLO": OFFER, "STARTTLS": b"220 go ahead\r\n"}
WRAPPED = [Tls.STARTTLS, Tls.IMPLICIT]
QUICK = timedelta(milliseconds=300)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of the tests, and where its own certificate lies."""

    ca: trustme.CA
    file: Path

    def server(self, *names: str, expires: datetime = EXPIRY) -> ssl.SSLContext:
        """Return what a server with a certificate for these names runs on."""
        issued = self.ca.issue_cert(*names, not_before=datetime(2019, 1, 1, tzinfo=UTC), not_after=expires)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued.configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, file)


def checked(authority: Authority, tls: Tls, **more: object) -> SmtpSettings:
    """Return settings that check certificates."""
    return replace(PATIENT, tls=tls, verify=True, ca_file=authority.file, **more)  # type: ignore[arg-type]  # each test names fields of SmtpSettings


async def told(context: ssl.SSLContext, settings: SmtpSettings, hostname: str | None = "mta1.lab.test") -> Attempt:
    """Send to a server with this certificate."""
    implicit = settings.tls is Tls.IMPLICIT
    async with scripted({} if implicit else OFFERING, tls=context, implicit=implicit) as server:
        return await send(server.port, settings=settings, hostname=hostname)


@pytest.mark.parametrize("tls", WRAPPED)
@pytest.mark.parametrize(
    "names, hostname, server_name",
    [
        (("mta1.lab.test",), "mta1.lab.test", None),
        (("mx.example.org",), "mta1.lab.test", "mx.example.org"),
        (("mx.example.org",), None, "mx.example.org"),
        (("127.0.0.1",), None, None),
        (("*.lab.test",), "mta1.lab.test", None),
    ],
)
def test_a_good_certificate_is_accepted(
    run: Run, authority: Authority, tls: Tls, names: tuple[str, ...], hostname: str | None, server_name: str | None
) -> None:
    async def story() -> None:
        settings = checked(authority, tls, server_name=server_name)
        attempt = await told(authority.server(*names), settings, hostname)
        assert attempt.ending is Ending.ACCEPTED
        assert attempt.certificate_expiry == EXPIRY

    run(story())


@pytest.mark.parametrize("tls", [*WRAPPED, Tls.OPPORTUNISTIC])
@pytest.mark.parametrize(
    "make, reason, expiry",
    [
        (
            lambda ours, _: ours.server("mx.example.org"),
            "the certificate of mta1 is not for mta1.lab.test",
            EXPIRY,
        ),
        (
            lambda ours, _: ours.server("mta1.lab.test", expires=EXPIRED),
            "the certificate of mta1 is not trusted: certificate has expired",
            EXPIRED,
        ),
        (
            lambda _, other: other.server("mta1.lab.test"),
            "the certificate of mta1 is not trusted: unable to get local issuer certificate",
            EXPIRY,
        ),
    ],
    ids=["wrong name", "expired", "unknown CA"],
)
def test_a_bad_certificate_is_refused_and_its_expiry_told(
    run: Run,
    authority: Authority,
    tmp_path: Path,
    tls: Tls,
    make: Callable[[Authority, Authority], ssl.SSLContext],
    reason: str,
    expiry: datetime,
) -> None:
    async def story() -> None:
        context = make(authority, Authority(trustme.CA(), tmp_path))
        attempt = await told(context, checked(authority, tls))
        stage = Stage.CONNECT if tls is Tls.IMPLICIT else Stage.STARTTLS
        assert (attempt.ending, attempt.stage, attempt.reason) == (Ending.UNREACHABLE, stage, reason)
        assert attempt.certificate_expiry == expiry

    run(story())


def test_a_certificate_for_another_address_is_refused(run: Run, authority: Authority) -> None:
    async def story() -> None:
        attempt = await told(authority.server("127.0.0.2"), checked(authority, Tls.IMPLICIT), None)
        assert attempt.reason == "the certificate of mta1 is not for 127.0.0.1"

    run(story())


def test_not_one_command_follows_the_handshake_that_only_inspects(run: Run, authority: Authority) -> None:
    async def story() -> None:
        async with scripted(OFFERING, tls=authority.server("mx.example.org")) as server:
            attempt = await send(server.port, settings=checked(authority, Tls.STARTTLS), hostname="mta1.lab.test")
        assert attempt.certificate_expiry == EXPIRY
        assert server.heard == [b"EHLO probe.test", b"STARTTLS"] * 2
        assert [exchange.sent for exchange in attempt.transcript] == ["", "EHLO probe.test", "STARTTLS"]

    run(story())


def test_a_server_that_takes_its_offer_back_is_not_handed_the_message_in_clear(run: Run, authority: Authority) -> None:
    async def offer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"250 mx.test\r\n" if b"STARTTLS" in server_heard else OFFER)

    server_heard: list[bytes] = []

    async def story() -> None:
        context = authority.server("mx.example.org")
        async with scripted({**OFFERING, "EHLO": offer_once}, tls=context) as server:
            server.heard = server_heard
            settings = checked(authority, Tls.OPPORTUNISTIC)
            attempt = await send(server.port, settings=settings, hostname="mta1.lab.test")
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.STARTTLS)
        assert attempt.certificate_expiry is None
        assert server_heard == [b"EHLO probe.test", b"STARTTLS", b"EHLO probe.test", b"QUIT"]

    run(story())


@pytest.mark.parametrize("tls", WRAPPED)
def test_unchecked_certificates_still_tell_their_expiry(run: Run, authority: Authority, tls: Tls) -> None:
    async def story() -> None:
        settings = replace(PATIENT, tls=tls, verify=False)
        attempt = await told(authority.server("mx.example.org", expires=EXPIRED), settings)
        assert attempt.ending is Ending.ACCEPTED
        assert attempt.certificate_expiry == EXPIRED

    run(story())


@pytest.mark.parametrize("tls", WRAPPED)
def test_a_login_goes_over_tls(run: Run, authority: Authority, tls: Tls) -> None:
    async def story() -> None:
        settings = checked(authority, tls, login=Login("user", Secret("secret")))
        attempt = await told(authority.server("mta1.lab.test"), settings)
        assert attempt.ending is Ending.ACCEPTED
        assert "AUTH PLAIN ***" in [exchange.sent for exchange in attempt.transcript]

    run(story())


def test_what_the_handshake_and_the_second_ehlo_take_belongs_to_starttls(run: Run, authority: Authority) -> None:
    async def story() -> None:
        attempt = await told(authority.server("mta1.lab.test"), checked(authority, Tls.STARTTLS))
        said = [(exchange.sent, exchange.took) for exchange in attempt.transcript if exchange.stage is Stage.STARTTLS]
        assert [sent for sent, _ in said] == ["STARTTLS", "EHLO probe.test"]
        assert attempt.stages[Stage.STARTTLS] > sum((took for _, took in said), timedelta())

    run(story())


@pytest.mark.parametrize("tls", WRAPPED)
@pytest.mark.parametrize(
    "faults, envelope, ending",
    [
        ({DOT: close}, ENVELOPE, Ending.IN_DOUBT),
        ({DOT: hang}, ENVELOPE, Ending.IN_DOUBT),
        ({"DATA": saying(b"354 go on\r\n", hang)}, BIG, Ending.UNREACHABLE),
        ({"DATA": saying(b"354 go on\r\n", close)}, BIG, Ending.UNREACHABLE),
        ({"QUIT": hang}, ENVELOPE, Ending.ACCEPTED),
        ({"QUIT": saying(b"221 bye\r\n", close)}, ENVELOPE, Ending.ACCEPTED),
    ],
    ids=[
        "closed after dot",
        "hung after dot",
        "hung before dot",
        "closed before dot",
        "hung at quit",
        "closed at quit",
    ],
)
def test_the_final_dot_divides_under_tls_too(
    run: Run, authority: Authority, tls: Tls, faults: dict[str, Act], envelope: Envelope, ending: Ending
) -> None:
    async def story() -> None:
        implicit = tls is Tls.IMPLICIT
        answers = faults if implicit else OFFERING | faults
        async with scripted(answers, tls=authority.server("mta1.lab.test"), implicit=implicit) as server:
            timeouts = replace(PATIENT.timeouts, reply=QUICK)
            settings = checked(authority, tls, timeouts=timeouts)
            attempt = await send(server.port, settings=settings, envelope=envelope, hostname="mta1.lab.test")
        assert (attempt.ending, attempt.stage) == (ending, Stage.BODY)
        assert attempt.certificate_expiry == EXPIRY

    run(story())


@pytest.mark.parametrize("verify", [True, False])
def test_text_injected_in_front_of_the_handshake_is_refused(run: Run, authority: Authority, verify: bool) -> None:
    async def story() -> None:
        injected = saying(b"220 go ahead\r\n250 AUTH PLAIN\r\n", hang)
        async with scripted({**OFFERING, "STARTTLS": injected}) as server:
            attempt = await send(server.port, settings=replace(checked(authority, Tls.STARTTLS), verify=verify))
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.STARTTLS)
        assert attempt.reason == "mta1 injected plain text in front of the TLS handshake"

    run(story())


@pytest.mark.parametrize("tls", [*WRAPPED, Tls.OPPORTUNISTIC])
@pytest.mark.parametrize("fault", [hang, close, reset, b"this is no TLS\r\n" * 100], ids=named)
def test_a_handshake_that_fails_is_unreachable_in_time(run: Run, tls: Tls, fault: Act) -> None:
    async def story() -> None:
        async def hear_and(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            if isinstance(fault, bytes):
                writer.write(fault)
                await hang(reader, writer)
            else:
                await fault(reader, writer)

        greeting = hear_and if tls is Tls.IMPLICIT else POLITE[GREETING]
        asked = saying(b"220 go ahead\r\n", hear_and)
        async with scripted({**OFFERING, GREETING: greeting, "STARTTLS": asked}) as server:
            timeouts = replace(PATIENT.timeouts, connect=QUICK, reply=QUICK)
            attempt = await send(server.port, settings=replace(PATIENT, tls=tls, timeouts=timeouts))
        stage = Stage.CONNECT if tls is Tls.IMPLICIT else Stage.STARTTLS
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, stage)
        assert "TLS" in attempt.reason
        assert attempt.first_byte
        assert sum(attempt.stages.values(), timedelta()) < QUICK * 5

    run(story())


def test_a_server_that_speaks_no_tls_is_named_as_such(run: Run) -> None:
    async def story() -> None:
        async with scripted() as server:
            attempt = await send(server.port, settings=replace(PATIENT, tls=Tls.IMPLICIT))
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.CONNECT)
        assert attempt.reason == "TLS with mta1 failed: wrong version number"

    run(story())


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_a_ca_file_that_cannot_be_used_is_our_own_failure(run: Run, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)

    async def story() -> None:
        async with scripted() as server:
            settings = replace(PATIENT, tls=Tls.STARTTLS, verify=True, ca_file=file)
            attempt = await send(server.port, settings=settings)
        assert (attempt.ending, attempt.stage) == (Ending.NOT_TRIED, Stage.CONNECT)
        assert str(file) in attempt.reason
        assert server.sessions == 0

    run(story())


def test_a_name_that_no_certificate_can_carry_is_our_own_failure(run: Run, authority: Authority) -> None:
    async def story() -> None:
        attempt = await told(authority.server("a.test"), checked(authority, Tls.IMPLICIT, server_name=".lab.test"))
        assert attempt.ending is Ending.NOT_TRIED

    run(story())
