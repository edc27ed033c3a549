"""What is POP3's own: locks, deletion at QUIT, backlogs without dates, and hostile replies."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from probe.demo.pop3 import Pop3Server
from probe.mailbox.patience import Patience
from probe.mailbox.pop3 import BATCH, OLDEST
from probe.model.letter import Folder, Place
from probe.ports import MailboxBusy, MailboxTrouble
from tests.mailbox.scripted import Answer, drip, endless, scripted
from tests.mailbox.sites import ADDRESS, pop3_access, reading, run, store

MESSAGE = b"Subject: hello\r\nMailflow-Probe: AAAA\r\n\r\nbody\r\n"
IMPATIENT = Patience(connect_seconds=0.5, operation_seconds=0.5, goodbye_seconds=0.2, grace_seconds=5)
SANE: Mapping[bytes, Answer] = {
    b"USER": b"+OK\r\n",
    b"PASS": b"+OK\r\n",
    b"UIDL": b"+OK\r\n1 abc\r\n.\r\n",
    b"LIST": b"+OK\r\n1 120\r\n.\r\n",
    b"TOP": b"+OK\r\nSubject: x\r\n\r\n.\r\n",
    b"DELE": b"+OK\r\n",
    b"QUIT": b"+OK\r\n",
}
PLACE = Place("m", Folder.INBOX, 0, "abc")


def server(greeting: Answer = b"+OK ready\r\n", **answers: Answer) -> AbstractAsyncContextManager[int]:
    named = {name.encode(): answer for name, answer in answers.items()}
    return scripted(greeting, {**SANE, **named}, tagged=False)


def with_server(test: Callable[[Pop3Server], Awaitable[None]]) -> None:
    async def once() -> None:
        async with Pop3Server(store(), exclusive=True) as opened:
            await test(opened)

    run(once)


def test_a_maildrop_that_is_held_for_a_moment_is_read_all_the_same() -> None:
    async def test(server: Pop3Server) -> None:
        account = server.store.account(ADDRESS)
        assert account
        account.locked = True
        asyncio.get_running_loop().call_later(0.3, setattr, account, "locked", False)
        async with reading(pop3_access(server.port)) as reader:
            assert (await reader.read()).messages == 0

    with_server(test)


def test_a_maildrop_that_stays_held_is_busy_and_readable_later() -> None:
    async def test(server: Pop3Server) -> None:
        account = server.store.account(ADDRESS)
        assert account
        account.locked = True
        async with reading(pop3_access(server.port)) as reader:
            with pytest.raises(MailboxBusy, match="is busy"):
                await reader.read()
            account.locked = False

            assert (await reader.read()).messages == 0

    with_server(test)


@pytest.mark.parametrize(
    "refusal, busy",
    [
        (b"-ERR [IN-USE] try later\r\n", True),
        (b"-ERR [LOGIN-DELAY] too soon\r\n", True),
        (b"-ERR maildrop already locked\r\n", True),
        (b"-ERR [AUTH] account locked\r\n", False),
        (b"-ERR [SYS/TEMP] out of order\r\n", False),
        (b"-ERR no\r\n", False),
    ],
)
def test_contention_is_told_from_a_refused_password(refusal: bytes, busy: bool) -> None:
    async def test() -> None:
        async with server(PASS=refusal) as port, reading(pop3_access(port, patience=IMPATIENT)) as reader:
            with pytest.raises(MailboxTrouble) as caught:
                await reader.read()

            assert isinstance(caught.value, MailboxBusy) == busy

    run(test)


@pytest.mark.parametrize("quits", [b"-ERR disk full\r\n", lambda writer, tag: _hang_up(writer)])
def test_what_quit_did_not_confirm_is_not_gone(quits: Answer) -> None:
    async def test() -> None:
        async with server(QUIT=quits) as port, reading(pop3_access(port, patience=IMPATIENT)) as reader:
            with pytest.raises(MailboxTrouble):
                await reader.remove([PLACE], ours=lambda place, header, body: True)

    run(test)


def test_what_was_read_in_a_session_that_was_lost_is_read_again() -> None:
    async def test() -> None:
        answers = iter([b"-ERR disk full\r\n", b"+OK\r\n"])

        async def quits(writer: asyncio.StreamWriter, tag: bytes) -> None:
            writer.write(next(answers))

        async with server(QUIT=quits) as port, reading(pop3_access(port)) as reader:
            with pytest.raises(MailboxTrouble):
                await reader.read()

            assert len((await reader.read()).letters) == 1

    run(test)


def test_a_verifier_that_fails_deletes_nothing() -> None:
    async def test(server: Pop3Server) -> None:
        server.store.deliver(ADDRESS, MESSAGE)
        async with reading(pop3_access(server.port)) as reader:
            [letter] = (await reader.read()).letters
            with pytest.raises(MailboxTrouble):
                await reader.remove([letter.place], ours=lambda place, header, body: 1 / 0 > 0)

        account = server.store.account(ADDRESS)
        assert account
        assert len(account.inbox.messages) == 1

    with_server(test)


def test_of_a_big_maildrop_the_newest_are_read_in_batches_newest_first() -> None:
    async def test(server: Pop3Server) -> None:
        for _ in range(OLDEST + 10):
            server.store.deliver(ADDRESS, MESSAGE)
        async with reading(pop3_access(server.port)) as reader:
            readings = [await reader.read()]
            while readings[-1].more:
                readings.append(await reader.read())

            assert max(len(news.letters) for news in readings) <= BATCH
            newest_first = [letter for news in readings for letter in reversed(news.letters)]
            uids = [int(letter.place.uid.split(".")[1]) for letter in newest_first]
            assert uids == list(range(OLDEST + 10, 10, -1))
            assert len({letter.seen for news in readings for letter in news.letters}) == 1

    with_server(test)


@pytest.mark.parametrize(
    "answers, says",
    [
        ({"UIDL": b"+OK\r\n1 \x00\x01\r\n.\r\n"}, "RFC 1939"),
        ({"UIDL": b"+OK\r\nnonsense\r\n.\r\n"}, "cannot be understood"),
        ({"UIDL": b"+OK\r\n1 " + b"u" * 70_000}, "sent a line without end"),
        ({"UIDL": b"-ERR no such command\r\n"}, "refused: "),
        ({"LIST": b"+OK\r\n1 many\r\n.\r\n"}, "cannot be understood"),
        ({"TOP": b"-ERR gone\r\n"}, "refused: "),
        ({"PASS": lambda writer, tag: _hang_up(writer)}, "closed the connection"),
        ({"USER": b""}, "did not answer in time"),
    ],
)
def test_a_reply_that_is_none_is_trouble(answers: dict[str, Answer], says: str) -> None:
    async def test() -> None:
        async with server(**answers) as port, reading(pop3_access(port, patience=IMPATIENT)) as reader:
            with pytest.raises(MailboxTrouble, match=says):
                await reader.read()

    run(test)


def test_a_reply_without_end_is_trouble() -> None:
    async def test() -> None:
        endless: Answer = b"+OK\r\n" + b"1 a\r\n" * 250_001
        async with server(UIDL=endless) as port, reading(pop3_access(port)) as reader:
            with pytest.raises(MailboxTrouble, match="sends a reply without end"):
                await reader.read()

    run(test)


@pytest.mark.parametrize(
    "greeting, says",
    [
        (b"-ERR too many connections\r\n", "refused: "),
        (b"+OK " + b"x" * 70_000, "sent a line without end"),
        (lambda writer, tag: drip(writer, b"+"), "did not answer in time"),
    ],
)
def test_a_greeting_that_is_none_is_trouble(greeting: Answer, says: str) -> None:
    async def test() -> None:
        async with server(greeting) as port, reading(pop3_access(port, patience=IMPATIENT)) as reader:
            with pytest.raises(MailboxTrouble, match=says):
                await reader.read()

    run(test)


@pytest.mark.parametrize("size, whole", [(b"120", True), (b"40", False)], ids=["as it is", "told too small"])
def test_a_body_that_fills_the_size_that_was_told_is_not_taken_for_whole(size: bytes, whole: bool) -> None:
    head, body = b"+OK\r\nMailflow-Probe: AAAA\r\n\r\n", b"a line of ours\r\n" * 4
    list_, top = b"+OK\r\n1 " + size + b"\r\n.\r\n", head + body + b".\r\n"

    async def test() -> None:
        answers = {b"TOP 1 0": head + b".\r\n", **SANE, b"LIST": list_, b"TOP": top}
        async with (
            scripted(b"+OK ready\r\n", answers, tagged=False) as port,
            reading(pop3_access(port)) as reader,
        ):
            [letter] = (await reader.read()).letters
            assert letter.whole is whole
            assert (letter.body == body) is whole

    run(test)


def test_a_strangers_endless_line_does_not_blind_the_mailbox() -> None:
    async def test() -> None:
        long = b"+OK\r\nX-Long: " + b"x" * 300_000 + b"\r\nSubject: x\r\n\r\n.\r\n"
        async with server(TOP=long) as port, reading(pop3_access(port)) as reader:
            [letter] = (await reader.read()).letters

            assert len(letter.header) == 64 * 1024

    run(test)


def test_a_message_without_end_is_trouble() -> None:
    async def test() -> None:
        async def flood(writer: asyncio.StreamWriter, tag: bytes) -> None:
            await endless(writer, b"+OK\r\n" + b"x" * 70)

        async with server(TOP=flood) as port, reading(pop3_access(port)) as reader:
            with pytest.raises(MailboxTrouble, match="sent more than was asked for"):
                await reader.read()

    run(test)


def test_closing_does_not_wait_for_a_server_that_is_silent() -> None:
    async def test() -> None:
        async with server(b"") as port, reading(pop3_access(port)) as reader:
            stuck = asyncio.create_task(reader.read())
            await asyncio.sleep(0.05)
            begun = time.monotonic()
            await reader.close()

            assert time.monotonic() - begun < timedelta(seconds=1).total_seconds()
            with pytest.raises(MailboxTrouble):
                await stuck

    run(test)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
