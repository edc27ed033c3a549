"""Trouble told apart on Dovecot."""

import asyncio
import smtplib
from datetime import UTC, datetime

import pytest

from probe.mailbox import access
from probe.mailbox.patience import Patience
from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Login, Mailbox, Tls
from probe.model.trouble import Quota, TroubleKind
from probe.ports import FolderReader, MailboxAccess, MailboxTrouble
from tests.lab import MONITOR, PASSWORD, Laboratory
from tests.lab.dovecot import IMAP_PORT, SMALL, SMALL_MESSAGES
from tests.mailbox.sites import CLOCK, dovecot_site, reading, run

pytestmark = pytest.mark.lab

IMPATIENT = Patience(connect_seconds=0.5, operation_seconds=0.5, goodbye_seconds=0.3, grace_seconds=0.5)
MESSAGE = b"Subject: x\r\n\r\nx\r\n"


def way(
    lab: Laboratory, address: str = MONITOR, *, password: str = PASSWORD, patience: Patience | None = None
) -> MailboxAccess:
    settings = ImapSettings(lab.hub, Login(address, Secret(password)), IMAP_PORT, Tls.NONE)
    return access(Mailbox("m", address, settings), CLOCK, patience=patience or Patience())


def kind(opened: MailboxAccess, folder: str = "INBOX") -> TroubleKind:
    async def test() -> TroubleKind:
        with pytest.raises(MailboxTrouble) as trouble:
            async with reading(opened, folder=folder) as reader:
                await reader.read()
        return trouble.value.kind

    return run(test)


def test_each_trouble_is_of_its_own_kind(lab: Laboratory) -> None:
    assert kind(way(lab, password="wrong")) is TroubleKind.LOGIN_REFUSED
    assert kind(way(lab), folder="Nowhere") is TroubleKind.FOLDER_GONE
    lab.dovecot.freeze()
    assert kind(way(lab, patience=IMPATIENT)) is TroubleKind.SLOW
    lab.dovecot.thaw()
    lab.dovecot.stop()
    assert kind(way(lab)) is TroubleKind.UNREACHABLE


def test_a_folder_that_goes_under_a_session_is_found_gone(lab: Laboratory) -> None:
    async def test() -> None:
        with lab.imap() as client:
            client.create_folder("Probes")
            async with reading(way(lab), folder="Probes") as reader:
                await reader.read()
                client.delete_folder("Probes")
                async with asyncio.timeout(5):
                    with pytest.raises(MailboxTrouble):
                        await _read_on(reader)

    run(test)
    assert kind(way(lab), folder="Probes") is TroubleKind.FOLDER_GONE


def test_a_full_mailbox_says_so_and_is_read_all_the_same(lab: Laboratory) -> None:
    async def test() -> None:
        for _ in range(SMALL_MESSAGES):
            lab.deliver(SMALL, MESSAGE)
        with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)):
            lab.deliver(SMALL, MESSAGE)
        async with reading(way(lab, SMALL), since=datetime.now(UTC)) as reader:
            news = await reader.read()

            assert len(news.letters) == SMALL_MESSAGES
            assert news.quota == Quota("MESSAGE", SMALL_MESSAGES, SMALL_MESSAGES)
            [trouble] = news.troubles
            assert trouble.kind is TroubleKind.OVER_QUOTA
            assert trouble.text.endswith("has no room left for it: 3 of 3 messages are used")

    run(test)


def test_a_mailbox_without_a_limit_has_no_quota(lab: Laboratory) -> None:
    async def test() -> None:
        async with reading(dovecot_site(lab, pop3=False).way) as reader:
            news = await reader.read()
            assert (news.quota, news.troubles) == (None, ())

    run(test)


async def _read_on(reader: FolderReader) -> None:
    while True:
        await reader.read()
        await asyncio.sleep(0.1)
