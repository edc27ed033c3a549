"""What only a real server can show: push as Dovecot does it, TLS, special-use, a process that is frozen."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from probe.mailbox import access
from probe.mailbox.patience import Patience
from probe.model.letter import Folder
from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Login, Mailbox, Pop3Settings, Tls
from probe.ports import FolderReader, MailboxAccess, MailboxTrouble
from tests.lab import MONITOR, PASSWORD, Laboratory
from tests.lab.dovecot import IMAP_PORT, IMAPS_PORT, POP3_PORT, POP3S_PORT
from tests.mailbox.sites import CLOCK, dovecot_site, read_until, reading, run

pytestmark = pytest.mark.lab

MESSAGE = b"Subject: hello\r\nMailflow-Probe: AAAA\r\n\r\nbody\r\n"
IMPATIENT = Patience(connect_seconds=0.5, operation_seconds=0.5, goodbye_seconds=0.3, grace_seconds=0.5)
LOGIN = Login(MONITOR, Secret(PASSWORD))


def impatient(lab: Laboratory) -> MailboxAccess:
    settings = ImapSettings(lab.hub, LOGIN, IMAP_PORT, Tls.NONE)
    return access(Mailbox("m", MONITOR, settings), CLOCK, patience=IMPATIENT)


def test_a_push_is_heard_within_dovecots_own_delay(lab: Laboratory) -> None:
    async def test() -> None:
        site = dovecot_site(lab, pop3=False)
        async with reading(site.way) as reader:
            await reader.read()
            waiting = asyncio.create_task(reader.wait(timedelta(seconds=20)))
            await asyncio.sleep(0.05)
            await site.deliver(MESSAGE)
            async with asyncio.timeout(2):
                await waiting

            assert len((await reader.read()).letters) == 1

    run(test)


def test_mail_is_heard_of_by_asking_long_before_the_push(lab: Laboratory) -> None:
    async def test() -> None:
        site = dovecot_site(lab, pop3=False)
        async with reading(site.way) as reader:
            await reader.read()
            for _ in range(5):
                await site.deliver(MESSAGE)
                await read_until(reader, 1, within=timedelta(milliseconds=400))

    run(test)


def test_arrivals_between_idles_are_never_slept_over(lab: Laboratory) -> None:
    async def test() -> None:
        site = dovecot_site(lab, pop3=False)
        async with reading(site.way) as reader:
            await reader.read()
            for _ in range(10):
                await site.deliver(MESSAGE)
                async with asyncio.timeout(2):
                    await reader.wait(timedelta(seconds=20))

                assert len((await reader.read()).letters) == 1

    run(test)


def test_folders_are_the_inbox_and_the_one_marked_as_junk(lab: Laboratory) -> None:
    async def test() -> None:
        way = dovecot_site(lab, pop3=False).way

        assert await way.folders() == {Folder.INBOX: "INBOX", Folder.JUNK: "Junk"}

    run(test)


@pytest.mark.parametrize(
    "kind, port, tls",
    [
        (ImapSettings, IMAPS_PORT, Tls.IMPLICIT),
        (ImapSettings, IMAP_PORT, Tls.STARTTLS),
        (Pop3Settings, POP3S_PORT, Tls.IMPLICIT),
        (Pop3Settings, POP3_PORT, Tls.STARTTLS),
    ],
)
def test_a_mailbox_is_read_over_tls_by_the_name_of_its_server_only(
    lab: Laboratory, kind: type[ImapSettings] | type[Pop3Settings], port: int, tls: Tls
) -> None:
    def way(server_name: str) -> MailboxAccess:
        settings = kind(lab.hub, LOGIN, port, tls, server_name=server_name, ca_file=lab.ca_file)
        return access(Mailbox("m", MONITOR, settings), CLOCK)

    async def test() -> None:
        lab.deliver(MONITOR, MESSAGE)
        async with reading(way("imap.lab.test")) as reader:
            assert len((await reader.read()).letters) == 1
            await reader.wait(timedelta(milliseconds=50))
            assert not (await reader.read()).letters

        with pytest.raises(MailboxTrouble, match="certificate that is not accepted"):
            async with reading(way("imap.other.test")) as reader:
                await reader.read()

    run(test)


@pytest.mark.parametrize(
    "act", [lambda reader: reader.read(), lambda reader: reader.wait(timedelta(milliseconds=50))], ids=["read", "wait"]
)
def test_a_frozen_server_is_trouble_at_the_deadline_and_closing_is_quick(
    lab: Laboratory, act: Callable[[FolderReader], Awaitable[object]]
) -> None:
    async def test() -> None:
        reader = impatient(lab).reader(Folder.INBOX, "INBOX")
        await reader.open(None, since=CLOCK.now())
        await reader.read()
        lab.dovecot.freeze()
        async with asyncio.timeout(3):
            with pytest.raises(MailboxTrouble, match="did not answer in time"):
                await act(reader)
        begun = time.monotonic()
        await reader.close()

        assert time.monotonic() - begun < 1

    run(test)


def test_a_server_that_was_killed_is_trouble_at_once(lab: Laboratory) -> None:
    async def test() -> None:
        async with reading(impatient(lab)) as reader:
            await reader.read()
            waiting = asyncio.create_task(reader.wait(timedelta(seconds=20)))
            await asyncio.sleep(0.05)
            lab.dovecot.kill()
            async with asyncio.timeout(2):
                with pytest.raises(MailboxTrouble):
                    await waiting

    run(test)


def test_old_messages_of_others_are_passed_over(lab: Laboratory) -> None:
    async def test() -> None:
        with lab.imap() as client:
            old = {"msg": MESSAGE, "date": CLOCK.now() - timedelta(days=30)}
            client.multiappend("INBOX", [old] * 1000)
            client.append("INBOX", MESSAGE)
        async with reading(dovecot_site(lab, pop3=False).way) as reader:
            news = await reader.read()

            assert (len(news.letters), news.messages) == (1, 1001)

    run(test)
