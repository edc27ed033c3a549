"""Looking for one member behind a VIP under TLS: a name given under it counts, and a certificate gives none."""

import asyncio
import ssl
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
import trustme

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, SmtpSettings, Tls
from tests.smtp.balanced import MTA1, MTA2, NAMES, OTHER, Balanced, balanced
from tests.smtp.conftest import Run
from tests.smtp.scripted import GO_AHEAD, Act, perform
from tests.smtp.sending import PATIENT, send_to

OFFERING: dict[str, Act] = {"EHLO": b"250-mx.test\r\n250 STARTTLS\r\n", "STARTTLS": GO_AHEAD}


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def checked(ca: trustme.CA, tmp_path: Path) -> SmtpSettings:
    """Settings that check certificates."""
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return replace(PATIENT, verify=True, ca_file=tmp_path / "ca.pem")


def context_of(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(*names).configure_cert(context)
    return context


def by_turns(*contexts: ssl.SSLContext) -> ssl.SSLContext:
    """Return what shows another certificate at each handshake."""
    turn = cycle(contexts)

    def take_turn(connection: ssl.SSLObject, name: str, context: ssl.SSLContext) -> None:
        connection.context = next(turn)

    contexts[0].sni_callback = take_turn
    return contexts[0]


async def probe(vip: Balanced, settings: SmtpSettings) -> Attempt:
    member = Member("vip", "mta2.lab.test", "127.0.0.1", vip.port, "mta2.lab.test", behind_vip=NAMES)
    return await send_to(member, settings=settings)


def test_whoever_gives_another_name_is_left_before_tls(run: Run, ca: trustme.CA, checked: SmtpSettings) -> None:
    async def story() -> None:
        tls = context_of(ca, "mta2.lab.test")
        async with balanced(MTA1, MTA2, changes=OFFERING, tls=tls) as vip:
            attempt = await probe(vip, replace(checked, tls=Tls.STARTTLS))
        assert attempt.ending is Ending.ACCEPTED
        assert attempt.certificate_expiry
        assert vip.heard()[0] == "QUIT"
        assert vip.heard()[1].startswith("EHLO STARTTLS EHLO MAIL")

    run(story())


def test_a_name_that_is_given_after_starttls_counts(run: Run, ca: trustme.CA, checked: SmtpSettings) -> None:
    turn = cycle([OFFERING["EHLO"], b"250-mta2.lab.test\r\n250 SIZE 1000000\r\n"])

    async def introduce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await perform(next(turn), reader, writer)

    async def story() -> None:
        tls = context_of(ca, "mta2.lab.test")
        async with balanced(OTHER, changes=OFFERING | {"EHLO": introduce}, tls=tls) as vip:
            attempt = await probe(vip, replace(checked, tls=Tls.STARTTLS))
        assert attempt.ending is Ending.ACCEPTED
        assert len(vip.servers) == 1

    run(story())


def test_a_member_whose_certificate_does_not_pass_answers_for_it(
    run: Run, ca: trustme.CA, checked: SmtpSettings
) -> None:
    async def story() -> None:
        tls = context_of(ca, "mta1.lab.test")
        async with balanced(MTA2, changes=OFFERING, tls=tls) as vip:
            attempt = await probe(vip, replace(checked, tls=Tls.STARTTLS))
        assert (attempt.ending, attempt.stage) == (Ending.UNREACHABLE, Stage.STARTTLS)
        # Not looked at a second time: that could be the certificate of another member.
        assert (len(vip.servers), attempt.certificate_expiry) == (1, None)

    run(story())


@pytest.mark.parametrize("server_name, dials", [(None, 2), ("mail.lab.test", 1)])
def test_with_implicit_tls_another_members_certificate_only_costs_a_dial(
    run: Run, ca: trustme.CA, checked: SmtpSettings, server_name: str | None, dials: int
) -> None:
    async def story() -> None:
        certificates = [context_of(ca, f"mta{number}.lab.test", "mail.lab.test") for number in (1, 2)]
        async with balanced(MTA2, tls=by_turns(*certificates), implicit=True) as vip:
            attempt = await probe(vip, replace(checked, tls=Tls.IMPLICIT, server_name=server_name))
        assert attempt.ending is Ending.ACCEPTED
        sent = [exchange.sent for exchange in attempt.transcript]
        missed = "<dial 1: the certificate of the VIP is not for mta2.lab.test>"
        assert sent[: dials - 1] == [missed][: dials - 1]
        assert "<dial" not in sent[dials - 1]

    run(story())
