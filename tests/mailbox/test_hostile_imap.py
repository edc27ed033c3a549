"""Whatever an IMAP server says, the reader answers with news or with MailboxTrouble, soon and in little memory."""

import asyncio
import tracemalloc
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.mailbox import access
from probe.mailbox.patience import Patience
from probe.model.settings import Mailbox, Tls
from probe.ports import MailboxTrouble
from tests.mailbox.scripted import Answer, drip, endless, scripted
from tests.mailbox.sites import ADDRESS, CLOCK, imap_access, imap_settings, reading, run

GREETING = b"* OK ready\r\n"
SANE: Mapping[bytes, Answer] = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE UIDPLUS\r\nTAG OK done\r\n",
    b"LOGIN": b"TAG OK welcome\r\n",
    b"EXAMINE": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\nTAG OK [READ-ONLY] done\r\n",
    b"UID SEARCH": b"* SEARCH\r\nTAG OK done\r\n",
    b"NOOP": b"* 1 EXISTS\r\nTAG OK done\r\n",
    b"UID FETCH": b"* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER]<0> {4}\r\na:b\n)\r\nTAG OK done\r\n",
    b"IDLE": b"+ idling\r\n",
    b"DONE": b"",
    b"LOGOUT": b"* BYE\r\nTAG OK\r\n",
}
IMPATIENT = Patience(connect_seconds=0.5, operation_seconds=0.5, goodbye_seconds=0.2, grace_seconds=5)


def server(greeting: Answer = GREETING, **answers: Answer) -> AbstractAsyncContextManager[int]:
    named = {name.replace("_", " ").encode(): answer for name, answer in answers.items()}
    return scripted(greeting, {**SANE, **named}, tagged=True)


def trouble_with(greeting: Answer = GREETING, **answers: Answer) -> str:
    """Open, read twice, and return what went wrong."""

    async def test() -> str:
        async with server(greeting, **answers) as port:
            with pytest.raises(MailboxTrouble) as caught:
                await _read_twice(port)
            return str(caught.value)

    return run(test, seconds=10)


def fetching(answer: bytes) -> dict[str, Answer]:
    return {"UID_FETCH": answer + b"TAG OK done\r\n"}


@pytest.mark.parametrize(
    "greeting, says",
    [
        (b"220 mail.test ESMTP\r\n", "broke the session"),
        (b"\x00\xff\xfe\r\n", "broke the session"),
        (b"* BYE too many connections\r\n", "refused: "),
        (b"* PREAUTH welcome back\r\n", "greets with PREAUTH"),
        (b"* OK " + b"x" * 100_000, "sent a line without end"),
        (b"* OK \r\n* BYE overloaded\r\n", "overloaded"),
        (drip, "did not answer in time"),
    ],
)
def test_a_greeting_that_is_none_is_trouble(greeting: Answer, says: str) -> None:
    async def dripping(writer: asyncio.StreamWriter, tag: bytes) -> None:
        await drip(writer, b"*")

    assert says in trouble_with(dripping if greeting is drip else greeting)


def test_a_greeting_without_end_is_trouble() -> None:
    async def test() -> None:
        async with server(lambda writer, tag: endless(writer, b"* OK again\r\n")) as port:
            with pytest.raises(MailboxTrouble, match="sends replies without end"):
                await _read_twice(port, Patience())

    run(test)


@pytest.mark.parametrize(
    "answer, says",
    [
        (b"* 1 FETCH (UID 1 BODY[HEADER] {99999999999}\r\n", "announced a literal of 99999999999 octets"),
        (b"* 1 FETCH (UID 1 BODY[HEADER] {1048577}\r\n", "announced a literal of 1048577 octets"),
        (b"* 1 FETCH " + b"(" * 5000 + b"\r\n", "cannot be understood"),
        (b'* 1 FETCH (UID 1 BODY[HEADER] "no end)\r\n', "cannot be understood"),
        (b"* 1 FETCH nonsense\r\n", "cannot be understood"),
        (b"* x FETCH (UID 1)\r\n", "broke the session"),
        (b"* 1 FETCH (UID x)\r\n", "cannot be understood"),
        (b"* many EXISTS\r\n", "broke the session"),
        (b"* " + b"y" * 70_000 + b"\r\n", "sent a line without end"),
        (b"* OK [UIDVALIDITY 8] surprise\r\n", "renumbered the folder INBOX"),
        (b"* BYE good night\r\n", "good night"),
        (b"?\r\n", "broke the session"),
    ],
)
def test_an_answer_against_the_grammar_is_trouble(answer: bytes, says: str) -> None:
    assert says in trouble_with(**fetching(answer))


def test_an_answer_without_end_is_trouble() -> None:
    endless: Answer = b"* 1 FETCH (UID 1)\r\n" * 20_001 + b"TAG OK done\r\n"

    async def test() -> None:
        async with server(UID_FETCH=endless) as port:
            with pytest.raises(MailboxTrouble, match="sends replies without end"):
                await _read_twice(port, Patience())

    run(test)


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 RFC822.SIZE 99 BODY[HEADER] NIL)\r\n",
        b"* 1 FETCH (FLAGS (\\Seen))\r\n",
        b"* 1 FETCH ()\r\n",
        b"",
    ],
)
def test_messages_without_what_was_asked_for_are_left_out(answer: bytes) -> None:
    async def test() -> None:
        async with server(**fetching(answer)) as port, reading(imap_access(port)) as reader:
            await reader.read()

            assert not (await reader.read()).letters

    run(test)


@pytest.mark.parametrize(
    "answer",
    [
        b'* 1 FETCH (BODY[HEADER]<0> {4}\r\na:b\n UID 1 INTERNALDATE "nonsense")\r\n',
        b"* 1 FETCH (UID 1 body[header.fields (A B)] {4}\r\na:b\n X-NEW (1 2))\r\n",
        b"* 9 FETCH (UID 9 FLAGS ())\r\n* 1 FETCH (UID 1 BODY[HEADER] {4}\r\na:b\n)\r\n* 2 EXPUNGE\r\n",
    ],
)
def test_odd_keys_orders_and_extras_are_put_up_with(answer: bytes) -> None:
    async def test() -> None:
        async with server(**fetching(answer)) as port, reading(imap_access(port)) as reader:
            await reader.read()
            [letter] = (await reader.read()).letters

            assert (letter.header, letter.internal_date, letter.place.uid) == (b"a:b\n", None, "1")

    run(test)


@pytest.mark.parametrize(
    "idle",
    [
        b"* 1 EXISTS\r\n+ idling\r\n",
        b"+ idling\r\n* 1 EXISTS\r\n",
        b"+ idling\r\n* 1 EXPAUSEISTS\r\n",
        b"+ idPAUSEling\r\n* OK still here\r\nPAUSE* 1 EXISTS\r\n",
    ],
)
def test_news_in_idle_is_heard_wherever_it_stands(idle: bytes) -> None:
    async def test() -> None:
        tags: list[bytes] = []

        async def idling(writer: asyncio.StreamWriter, tag: bytes) -> None:
            tags.append(tag)
            for segment in idle.split(b"PAUSE"):
                writer.write(segment)
                await asyncio.sleep(0.02)

        async def done(writer: asyncio.StreamWriter, tag: bytes) -> None:
            writer.write(tags[-1] + b" OK done\r\n")

        async with server(IDLE=idling, DONE=done) as port, reading(imap_access(port)) as reader:
            await reader.read()
            async with asyncio.timeout(2):
                await reader.wait(timedelta(seconds=20))

            assert len((await reader.read()).letters) == 1

    run(test)


def test_a_server_that_ends_idle_by_itself_is_asked_again() -> None:
    async def test() -> None:
        async with server(IDLE=b"+ idling\r\nPAUSETAG OK enough\r\n") as port, reading(imap_access(port)) as reader:
            await reader.read()
            async with asyncio.timeout(2):
                await reader.wait(timedelta(seconds=20))

            assert len((await reader.read()).letters) == 1

    run(test)


@pytest.mark.parametrize(
    "idle, says",
    [
        (b"TAG NO not now\r\n", "refused: IDLE was refused"),
        (b"+ idling\r\n* BYE shutting down\r\n", "shutting down"),
        (b"+ idling\r\n* " + b"z" * 70_000, "sent a line without end"),
        (lambda writer, tag: endless(writer, b"+ idling\r\n* OK again\r\n"), "sends replies without end"),
    ],
)
def test_an_idle_that_goes_wrong_is_trouble(idle: Answer, says: str) -> None:
    async def test() -> None:
        async with server(IDLE=idle) as port, reading(imap_access(port, patience=IMPATIENT)) as reader:
            await reader.read()
            with pytest.raises(MailboxTrouble, match=says):
                await reader.wait(timedelta(seconds=1))

    run(test)


def test_an_announced_literal_is_not_made_room_for() -> None:
    tracemalloc.start()
    try:
        trouble_with(**fetching(b"* 1 FETCH (UID 1 BODY[HEADER] {900000000}\r\n"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000


def test_a_login_that_the_server_forbids_in_the_clear_is_not_tried() -> None:
    capability = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK done\r\n"

    assert "takes no login on this connection" in trouble_with(CAPABILITY=capability, LOGIN=b"TAG OK welcome\r\n")


@pytest.mark.parametrize(
    "starttls, says",
    [
        (b"TAG OK go\r\n* OK injected\r\n", "sent plain text after it agreed to TLS"),
        (b"TAG NO not today\r\n", "refused: "),
        (b"TAG OK go\r\nPAUSE\x00\x00 no TLS \r\n", "fails at TLS"),
    ],
)
def test_a_starttls_that_goes_wrong_is_trouble_before_any_password(starttls: bytes, says: str) -> None:
    async def test() -> None:
        capability = b"* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK done\r\n"
        async with server(CAPABILITY=capability, STARTTLS=starttls) as port:
            settings = replace(imap_settings(port), tls=Tls.STARTTLS)
            with pytest.raises(MailboxTrouble, match=says):
                async with reading(access(Mailbox("m", ADDRESS, settings), CLOCK, patience=IMPATIENT)):
                    pass

    run(test)


def test_a_server_without_starttls_gets_no_password() -> None:
    async def test() -> None:
        async with server() as port:
            settings = replace(imap_settings(port), tls=Tls.STARTTLS)
            with pytest.raises(MailboxTrouble, match="does not offer STARTTLS"):
                async with reading(access(Mailbox("m", ADDRESS, settings), CLOCK)):
                    pass

    run(test)


async def _read_twice(port: int, patience: Patience = IMPATIENT) -> None:
    async with reading(imap_access(port, patience=patience)) as reader:
        await reader.read()
        await reader.read()
