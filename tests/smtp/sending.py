"""Sending one message to a server of the tests, in short time."""

from dataclasses import replace
from datetime import timedelta

from probe.model.message import Envelope
from probe.model.reply import Attempt
from probe.model.settings import Member, SmtpSettings, Timeouts, Tls
from probe.net.clock import SystemClock
from probe.smtp import SmtpSender

REPLY = timedelta(milliseconds=200)
TOTAL = timedelta(seconds=1)
SHORT = Timeouts(connect=REPLY, reply=REPLY, total=TOTAL)
PATIENT = SmtpSettings(tls=Tls.NONE, ehlo="probe.test", timeouts=Timeouts(*[TOTAL * 10] * 3))
"""For whatever does not wait in vain."""
HASTY = replace(PATIENT, timeouts=SHORT)
"""For whatever waits in vain."""
ENVELOPE = Envelope("probe@lab.test", "monitor@lab.test", b"Subject: test\r\n\r\n.dot\r\n")
BIG = replace(ENVELOPE, message=b"x" * 70 + b"\r\n" + b"0123456789\r\n" * 1_000_000)
"""More than all buffers between here and there take."""


async def send(
    port: int,
    *,
    settings: SmtpSettings = PATIENT,
    envelope: Envelope = ENVELOPE,
    hostname: str | None = None,
    until: timedelta = timedelta(seconds=20),
    address: str = "127.0.0.1",
) -> Attempt:
    member = Member("vip", "mta1", address, port, hostname)
    return await send_to(member, settings=settings, envelope=envelope, until=until)


async def send_to(
    member: Member,
    *,
    settings: SmtpSettings = PATIENT,
    envelope: Envelope = ENVELOPE,
    until: timedelta = timedelta(seconds=20),
) -> Attempt:
    clock = SystemClock()  # one clock for both: another differs by the microseconds that decide whether time is left
    return await SmtpSender(clock).send(member, envelope, settings=settings, until=clock.now() + until)
