"""LMTP (RFC 2033): the greeting is its own, and there is no way back to SMTP of old."""

from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.outcome import Stage
from probe.model.reply import Ending
from probe.model.settings import Member
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender
from tests.lab import MONITOR, SENDER, Laboratory
from tests.smtp.conftest import Run
from tests.smtp.scripted import scripted
from tests.smtp.sending import ENVELOPE, PATIENT, send

LMTP = replace(PATIENT, lmtp=True)
WELCOME = b"250-store.test\r\n250 SIZE 1000000\r\n"


def test_a_message_is_handed_over_after_lhlo(run: Run) -> None:
    async def story() -> None:
        async with scripted({"LHLO": WELCOME, "EHLO": b"500 5.5.1 this is LMTP\r\n"}) as server:
            attempt = await send(server.port, settings=LMTP)
        assert attempt.ending is Ending.ACCEPTED
        assert server.heard[:2] == [b"LHLO probe.test", b"MAIL FROM:<probe@lab.test> SIZE=23"]

    run(story())


@pytest.mark.parametrize("reply", [b"500 5.5.1 what?\r\n", b"502 5.5.2 not here\r\n"])
def test_a_server_that_speaks_smtp_alone_is_not_greeted_once_more(run: Run, reply: bytes) -> None:
    async def story() -> None:
        async with scripted({"LHLO": reply}) as server:
            attempt = await send(server.port, settings=LMTP)
        assert (attempt.ending, attempt.stage) == (Ending.REFUSED, Stage.EHLO)
        assert server.heard == [b"LHLO probe.test", b"QUIT"]

    run(story())


@pytest.mark.lab
def test_dovecot_takes_several_messages_over_one_connection(run: Run, lab: Laboratory) -> None:
    async def story() -> None:
        clock, settings = SystemClock(), replace(LMTP, reuse=timedelta(seconds=20))
        sender, member = SmtpSender(clock), Member("vip", "store", lab.hub, lab.dovecot.lmtp.port)
        envelope = replace(ENVELOPE, sender=SENDER, recipient=MONITOR)
        try:
            for reused in (False, True, True):
                until = clock.now() + timedelta(seconds=20)
                attempt = await sender.send(member, envelope, settings=settings, until=until)
                assert (attempt.ending, attempt.transcript[0].reused) == (Ending.ACCEPTED, reused)
        finally:
            await sender.close()

    run(story())
    with lab.imap() as client:
        assert client.select_folder("INBOX", readonly=True)[b"EXISTS"] == 3


@pytest.mark.lab
def test_dovecot_takes_a_message_over_lmtp(run: Run, lab: Laboratory) -> None:
    async def story() -> None:
        envelope = replace(ENVELOPE, sender=SENDER, recipient=MONITOR)
        attempt = await send(lab.dovecot.lmtp.port, address=lab.hub, settings=LMTP, envelope=envelope)
        assert attempt.ending is Ending.ACCEPTED
        assert "Saved" in attempt.reason

    run(story())
    with lab.imap() as client:
        assert client.select_folder("INBOX", readonly=True)[b"EXISTS"] == 1
