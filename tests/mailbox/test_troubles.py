"""Trouble told apart: what cannot be read, and what can be read but not as it should."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import pytest

from probe.demo.behaviour import ImapFaults
from probe.demo.imap import ImapServer
from probe.demo.pop3 import Pop3Server
from probe.mailbox import access
from probe.mailbox.patience import Patience
from probe.model.settings import Mailbox
from probe.model.trouble import Quota, TroubleKind
from probe.ports import MailboxTrouble, News
from tests.mailbox.scripted import Answer, scripted
from tests.mailbox.sites import ADDRESS, CLOCK, imap_access, imap_settings, pop3_access, reading, run, store
from tests.mailbox.test_hostile_imap import GREETING, SANE

IMPATIENT = Patience(connect_seconds=0.5, operation_seconds=0.5, goodbye_seconds=0.2, grace_seconds=5)
WATCHFUL = Patience(push_seconds=0.05)


def kind_of(test: Callable[[], Awaitable[object]]) -> TroubleKind:
    async def caught() -> TroubleKind:
        with pytest.raises(MailboxTrouble) as trouble:
            await test()
        return trouble.value.kind

    return run(caught)


def with_script(script: Mapping[bytes, Answer], greeting: Answer = GREETING) -> TroubleKind:
    async def test() -> None:
        async with (
            scripted(greeting, {**SANE, **script}, tagged=True) as port,
            reading(imap_access(port, patience=IMPATIENT)) as reader,
        ):
            await reader.read()
            await reader.read()

    return kind_of(test)


async def silence(writer: asyncio.StreamWriter, tag: bytes) -> None:
    """Say nothing."""


async def hang_up(writer: asyncio.StreamWriter, tag: bytes) -> None:
    writer.close()


@pytest.mark.parametrize(
    "script, kind",
    [
        ({b"LOGIN": b"TAG NO [AUTHENTICATIONFAILED] no\r\n"}, TroubleKind.LOGIN_REFUSED),
        ({b"LOGIN": b"TAG NO [UNAVAILABLE] try later\r\n"}, TroubleKind.OTHER),
        ({b"EXAMINE": b"TAG NO [NONEXISTENT] no such folder\r\n"}, TroubleKind.FOLDER_GONE),
        ({b"NOOP": silence}, TroubleKind.SLOW),
        ({b"NOOP": hang_up}, TroubleKind.UNREACHABLE),
        ({b"NOOP": b"?\r\n"}, TroubleKind.OTHER),
    ],
)
def test_what_a_server_says_or_does_not_say_is_of_one_kind(script: Mapping[bytes, Answer], kind: TroubleKind) -> None:
    assert with_script(script) is kind


def test_a_greeting_that_does_not_come_is_slow() -> None:
    assert with_script({}, greeting=silence) is TroubleKind.SLOW


def test_a_server_that_is_not_there_is_unreachable() -> None:
    async def test() -> None:
        async with ImapServer(store()) as server:
            port = server.port
        async with reading(imap_access(port)):
            pass

    assert kind_of(test) is TroubleKind.UNREACHABLE


def test_a_server_whose_name_is_not_found_is_unreachable() -> None:
    async def test() -> None:
        settings = imap_settings(993, host="nowhere.invalid")
        async with reading(access(Mailbox("m", ADDRESS, settings), CLOCK)):
            pass

    assert kind_of(test) is TroubleKind.UNREACHABLE


def test_a_junk_folder_that_is_gone_is_a_folder_that_is_gone() -> None:
    async def test() -> None:
        async with ImapServer(store()) as server:
            await imap_access(server.port, junk="Spam").folders()

    assert kind_of(test) is TroubleKind.FOLDER_GONE


def test_a_maildrop_that_somebody_else_holds_is_locked() -> None:
    async def test() -> None:
        refusal = {
            b"USER": b"+OK\r\n",
            b"PASS": b"-ERR [IN-USE] do you have another session?\r\n",
            b"QUIT": b"+OK\r\n",
        }
        async with scripted(b"+OK ready\r\n", refusal, tagged=False) as port, reading(pop3_access(port)) as reader:
            await reader.read()

    assert kind_of(test) is TroubleKind.LOCKED


def test_a_maildrop_with_another_password_refuses_the_login() -> None:
    async def test() -> None:
        async with (
            Pop3Server(store(), exclusive=True) as server,
            reading(pop3_access(server.port, password="wrong")) as reader,
        ):
            await reader.read()

    assert kind_of(test) is TroubleKind.LOGIN_REFUSED


def kinds(news: News) -> list[TroubleKind]:
    return [trouble.kind for trouble in news.troubles]


def test_a_server_that_idles_in_silence_is_found_out_and_asked_more_often_until_it_pushes_again() -> None:
    async def test() -> None:
        async with ImapServer(store()) as server, reading(imap_access(server.port, patience=WATCHFUL)) as reader:
            server.faults = ImapFaults(silent_idle=True)
            told = []
            for _ in range(2):
                told.append(kinds(await reader.read()))
                waiting = asyncio.create_task(reader.wait(timedelta(seconds=0.2)))
                await asyncio.sleep(0.05)
                server.store.deliver(ADDRESS, b"Subject: x\r\n\r\n")
                await waiting
            told.append(kinds(await reader.read()))
            assert told == [[], [], [TroubleKind.IDLE_SILENT]]

            # When it is waited for, then not long
            async with asyncio.timeout(5):
                await reader.wait(timedelta(seconds=60))
            assert kinds(await reader.read()) == [TroubleKind.IDLE_SILENT]

            # And a push makes it trusted again
            server.faults = ImapFaults()
            async with asyncio.timeout(5):
                while kinds(await reader.read()):
                    server.store.deliver(ADDRESS, b"Subject: x\r\n\r\n")
                    await reader.wait(timedelta(seconds=60))

    run(test)


@pytest.mark.parametrize("patience, expected", [(Patience(slow_seconds=0.05), [TroubleKind.SLOW]), (Patience(), [])])
def test_a_server_that_takes_long_to_say_what_is_new_is_slow(patience: Patience, expected: list[TroubleKind]) -> None:
    slowly: dict[bytes, Answer] = {**SANE, b"NOOP": b"* 1 EXISTS\r\n" + b"PAUSE" * 10 + b"TAG OK done\r\n"}

    async def test() -> None:
        async with (
            scripted(GREETING, slowly, tagged=True) as port,
            reading(imap_access(port, patience=patience)) as reader,
        ):
            await reader.read()
            assert kinds(await reader.read()) == expected

    run(test)


@pytest.mark.parametrize("slow_seconds, expected", [(0.0, [TroubleKind.SLOW]), (60.0, [])])
def test_a_maildrop_that_takes_long_to_open_is_slow(slow_seconds: float, expected: list[TroubleKind]) -> None:
    async def test() -> None:
        patience = Patience(slow_seconds=slow_seconds)
        async with (
            Pop3Server(store(), exclusive=True) as server,
            reading(pop3_access(server.port, patience=patience)) as reader,
        ):
            assert kinds(await reader.read()) == expected

    run(test)


QUOTA_IS_OFFERED = b"* CAPABILITY IMAP4rev1 IDLE UIDPLUS QUOTA\r\nTAG OK done\r\n"


@pytest.mark.parametrize(
    "told, quota, troubles",
    [
        (b"* QUOTA u (STORAGE 10 1000)\r\n", Quota("STORAGE", 10, 1000), []),
        (b"* QUOTA u (STORAGE 10 1000 MESSAGE 9 10)\r\n", Quota("MESSAGE", 9, 10), []),
        (b"* QUOTA u (STORAGE 10 1000 MESSAGE 10 10)\r\n", Quota("MESSAGE", 10, 10), [TroubleKind.OVER_QUOTA]),
        (b"* QUOTA u (STORAGE 1 9)\r\n* QUOTA w (STORAGE 9 9)\r\n", Quota("STORAGE", 9, 9), [TroubleKind.OVER_QUOTA]),
        (b"* QUOTA u (X-ROCKETS 10 10)\r\n", None, []),
        (b"* QUOTA u ()\r\n", None, []),
        (b"", None, []),
    ],
)
def test_the_tightest_quota_is_told_and_a_full_mailbox_is_trouble(
    told: bytes, quota: Quota | None, troubles: list[TroubleKind]
) -> None:
    async def test() -> None:
        heard: list[bytes] = []
        script: dict[bytes, Answer] = {
            **SANE,
            b"CAPABILITY": QUOTA_IS_OFFERED,
            b"GETQUOTAROOT": b"* QUOTAROOT INBOX u\r\n" + told + b"TAG OK done\r\n",
        }
        async with (
            scripted(GREETING, script, tagged=True, heard=heard) as port,
            reading(imap_access(port)) as reader,
        ):
            for _ in range(3):
                news = await reader.read()
                assert (news.quota, kinds(news)) == (quota, troubles)

            # It is asked seldom.
            assert sum(b"GETQUOTAROOT" in line for line in heard) == 1

    run(test)


@pytest.mark.parametrize(
    "script", [{}, {b"CAPABILITY": QUOTA_IS_OFFERED, b"GETQUOTAROOT": b"TAG NO you have none\r\n"}]
)
def test_a_mailbox_without_a_quota_is_no_trouble(script: Mapping[bytes, Answer]) -> None:
    async def test() -> None:
        async with (
            scripted(GREETING, {**SANE, **script}, tagged=True) as port,
            reading(imap_access(port)) as reader,
        ):
            news = await reader.read()
            assert (news.quota, news.troubles) == (None, ())

    run(test)
