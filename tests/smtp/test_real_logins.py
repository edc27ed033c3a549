"""Every mechanism against Postfix and Dovecot, with what is right and with what is wrong."""

import asyncio
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.mailbox import access
from probe.model.oauth import Bearer, TokenLogin
from probe.model.reply import Ending, Reply
from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Login, Mailbox, Member, Tls
from probe.net.clock import SystemClock
from probe.oauth import TokenSource
from probe.smtp import SmtpSender
from probe.smtp.auth import choose
from tests.lab import MONITOR, PASSWORD, SENDER, Laboratory
from tests.lab.dovecot import IMAP_PORT
from tests.lab.postfix_config import SUBMISSION_PORT
from tests.mailbox.sites import read_until, reading
from tests.oauth.endpoint import endpoint, granted
from tests.smtp.sending import ENVELOPE, PATIENT

pytestmark = pytest.mark.lab

BY_PASSWORD = ["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]
BY_TOKEN = ["OAUTHBEARER", "XOAUTH2"]


@contextmanager
def submission(lab: Laboratory) -> Iterator[smtplib.SMTP]:
    """Hold a session under TLS with a server that has said what it offers."""
    member = lab.member("mta1")
    with smtplib.SMTP(member.address, SUBMISSION_PORT, timeout=10) as client:
        client._host = member.hostname  # type: ignore[attr-defined]  # the name that the certificate is checked for
        client.starttls(context=ssl.create_default_context(cafile=lab.ca_file))
        client.ehlo()
        yield client


def logged_in(client: smtplib.SMTP, mechanism: str, login: Login | Bearer) -> int:
    """Return the code of the reply that decided a login."""
    exchange = choose([mechanism], login, encrypted=True)
    assert exchange
    say = next(exchange)
    while True:
        client.send(say.octets)
        code, text = client.getreply()
        try:
            say = exchange.send(Reply(code, (text.decode(),)))
        except StopIteration as stop:
            return int(stop.value.code)


@pytest.mark.parametrize("mechanism", BY_PASSWORD)
@pytest.mark.parametrize("password, code", [(PASSWORD, 235), ("not-the-password", 535)])
def test_a_password_opens_the_door_or_does_not(lab: Laboratory, mechanism: str, password: str, code: int) -> None:
    with submission(lab) as client:
        assert mechanism in client.esmtp_features["auth"].split()
        assert logged_in(client, mechanism, Login(MONITOR, Secret(password))) == code


@pytest.mark.parametrize("mechanism", BY_TOKEN)
@pytest.mark.parametrize("minutes, code", [(60, 235), (-60, 535)])
def test_a_token_opens_the_door_until_it_expires(lab: Laboratory, mechanism: str, minutes: int, code: int) -> None:
    token = lab.dovecot.token(MONITOR, good_for=timedelta(minutes=minutes))
    with submission(lab) as client:
        assert mechanism in client.esmtp_features["auth"].split()
        bearer = Bearer(MONITOR, Secret(token), lab.member("mta1").hostname, SUBMISSION_PORT)
        assert logged_in(client, mechanism, bearer) == code


def test_who_was_let_in_by_a_token_stays_while_the_connection_is_kept(lab: Laboratory) -> None:
    clock, server = SystemClock(), lab.member("mta1")
    member = Member("vip", "mta1", server.address, SUBMISSION_PORT, server.hostname)
    envelope = replace(ENVELOPE, sender=SENDER, recipient=MONITOR)

    async def three(source: TokenSource, login: TokenLogin) -> None:
        settings = replace(PATIENT, tls=Tls.STARTTLS, verify=True, ca_file=lab.ca_file, login=login)
        sender, keeping = SmtpSender(clock, source), replace(settings, reuse=timedelta(seconds=20))
        for reused in (False, True, True):
            until = clock.now() + timedelta(seconds=20)
            attempt = await sender.send(member, envelope, settings=keeping, until=until)
            assert (attempt.ending, attempt.transcript[0].reused) == (Ending.ACCEPTED, reused), attempt.reason
        await sender.close()

    with endpoint(granted(lab.dovecot.token(MONITOR))) as tokens:
        asyncio.run(three(TokenSource(clock), TokenLogin(MONITOR, tokens.grant())))
        assert len(tokens.forms) == 1


def test_one_endpoint_opens_both_member_and_mailbox(lab: Laboratory) -> None:
    clock, server = SystemClock(), lab.member("mta1")
    member = Member("vip", "mta1", server.address, SUBMISSION_PORT, server.hostname)
    envelope = replace(ENVELOPE, sender=SENDER, recipient=MONITOR)

    async def there_and_back(source: TokenSource, login: TokenLogin) -> None:
        settings = replace(PATIENT, tls=Tls.STARTTLS, verify=True, ca_file=lab.ca_file, login=login)
        until = clock.now() + timedelta(seconds=20)
        attempt = await SmtpSender(clock, source).send(member, envelope, settings=settings, until=until)
        assert attempt.ending is Ending.ACCEPTED, attempt.reason
        box = Mailbox("m", MONITOR, ImapSettings(lab.hub, login, IMAP_PORT, Tls.NONE))
        async with reading(access(box, clock, tokens=source)) as reader:
            await read_until(reader, 1)

    with endpoint(granted(lab.dovecot.token(MONITOR))) as tokens:
        asyncio.run(there_and_back(TokenSource(clock), TokenLogin(MONITOR, tokens.grant())))
        assert len(tokens.forms) == 1
