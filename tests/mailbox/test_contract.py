"""What every FolderReader promises, tested on each of them and on each server."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from probe.model.letter import Folder, Place
from probe.model.settings import SPARE_BODY
from probe.ports import FolderReader, MailboxTrouble
from tests.lab import Laboratory
from tests.mailbox.sites import Site, demo_site, dovecot_site, read_until, reading, run

FOREIGN = b"From: a@b.test\r\nSubject: dinner\r\nX-Odd: \xff\xfe\r\n\r\n.one dot\r\n" + b"x" * 900 + b"\r\n"
TAGGED = b"Subject: Mail flow test abc\r\nMailflow-Probe: AAAA\r\n\r\nthe body\r\n"
BOUNCE = (
    b"Return-Path: <>\r\nContent-Type: multipart/report; boundary=b\r\nSubject: Undelivered\r\n\r\n"
    b"--b\r\n\r\n" + b"a line of some words\r\n" * 500_000 + b"--b--\r\n"
)
STRIPPED = b"Subject: [SPAM] Mail flow test abc\r\n\r\nMailflow: AAAA\r\n"

Test = Callable[[Site], Awaitable[None]]
OnSite = Callable[[Test], None]


@pytest.fixture(
    params=[
        "demo-imap",
        "demo-pop3",
        pytest.param("dovecot-imap", marks=pytest.mark.lab),
        pytest.param("dovecot-pop3", marks=pytest.mark.lab),
    ]
)
def on_site(request: pytest.FixtureRequest) -> OnSite:
    """Run a test's coroutine with a mailbox of each kind."""
    server, protocol = request.param.split("-")
    lab: Laboratory | None = request.getfixturevalue("lab") if server == "dovecot" else None

    @asynccontextmanager
    async def site() -> AsyncIterator[Site]:
        if lab is not None:
            yield dovecot_site(lab, pop3=protocol == "pop3")
        else:
            async with demo_site(pop3=protocol == "pop3") as opened:
                yield opened

    async def once(test: Test) -> None:
        async with site() as opened:
            await test(opened)

    return lambda test: run(lambda: once(test))


def test_an_empty_mailbox_is_read_without_letters(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            news = await reader.read()

            assert not news.letters
            assert (news.messages, news.more, news.rescan) == (0, False, False)

    on_site(test)


def test_a_message_is_read_once_with_its_whole_header(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            await reader.read()
            before = datetime.now(UTC)
            await site.deliver(TAGGED)

            [letter] = await read_until(reader, 1)
            again = await reader.read()

            assert letter.header.endswith(b"Mailflow-Probe: AAAA\r\n\r\n")
            assert before <= letter.seen <= datetime.now(UTC)
            assert letter.size >= len(TAGGED)
            assert (letter.place.mailbox, letter.place.folder) == ("m", Folder.INBOX)
            assert not again.letters
            assert again.messages == 1

    on_site(test)


def test_mail_that_lay_there_before_is_read_when_it_is_of_today(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        await site.deliver(FOREIGN)
        await site.deliver(TAGGED)
        async with reading(site.way) as reader:
            headers = [letter.header for letter in await read_until(reader, 2)]

            assert b"dinner" in headers[0]
            assert b"Mailflow-Probe" in headers[1]

    on_site(test)


def test_rapid_arrivals_are_read_exactly_once_each(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async def deliver() -> None:
            for number in range(30):
                await site.deliver(b"Subject: number %d\r\n\r\n.\r\n" % number)
                await asyncio.sleep(0.001 * (number % 7))

        async with reading(site.way) as reader:
            delivering = asyncio.create_task(deliver())
            letters = await read_until(reader, 30)
            await delivering

            subjects = sorted(int(letter.header.split(b"Subject: number ")[1].split()[0]) for letter in letters)
            assert subjects == list(range(30))
            assert not (await reader.read()).letters

    on_site(test)


def test_the_body_is_read_only_of_what_is_likely_ours(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            for message in (FOREIGN, TAGGED, STRIPPED):
                await site.deliver(message)

            bodies = [letter.body for letter in await read_until(reader, 3)]

            assert bodies == [b"", b"the body\r\n", b"Mailflow: AAAA\r\n"]

    on_site(test)


def test_the_body_of_a_message_of_ours_is_read_whole_or_known_to_go_on(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            await site.deliver(TAGGED)
            await site.deliver(TAGGED + (b"x" * 70 + b"\r\n") * 2000)

            short, long = await read_until(reader, 2)

            assert (short.body, short.whole) == (b"the body\r\n", True)
            assert (len(long.body), long.whole) == (SPARE_BODY, False)

    on_site(test)


def test_of_a_bounce_of_ten_megabytes_64_kib_are_read(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            await site.deliver(BOUNCE)

            [letter] = await read_until(reader, 1)

            assert letter.body == BOUNCE.partition(b"\r\n\r\n")[2][: 64 * 1024]

    on_site(test)


def test_mail_of_others_stays_as_it_was_to_the_byte_and_the_flag(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        await site.deliver(FOREIGN)
        before = await site.contents()
        await site.deliver(TAGGED)
        async with reading(site.way) as reader:
            letters = await read_until(reader, 2)

            gone = await reader.remove([letter.place for letter in letters], ours=_is_tagged)

            assert list(gone) == [letters[1].place]
            assert await site.contents() == before

    on_site(test)


def test_removing_asks_for_each_message_as_it_is_now_with_the_body_of_a_bounce_only(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        await site.deliver(TAGGED)
        await site.deliver(BOUNCE)
        asked: list[tuple[Place, bytes, bytes]] = []

        def never(place: Place, header: bytes, body: bytes) -> bool:
            asked.append((place, header, body))
            return False

        async with reading(site.way) as reader:
            ours, bounce = await read_until(reader, 2)

            gone = await reader.remove([ours.place, bounce.place], ours=never)

            assert not gone
            assert asked == [(ours.place, ours.header, b""), (bounce.place, bounce.header, bounce.body)]
            assert len(bounce.body) == 64 * 1024
            assert len(await site.contents()) == 2

    on_site(test)


def test_what_is_not_there_any_more_counts_as_gone(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        await site.deliver(TAGGED)
        async with reading(site.way) as reader:
            [letter] = await read_until(reader, 1)
            await reader.remove([letter.place], ours=_is_tagged)

            renumbered = Place("m", Folder.INBOX, 77, letter.place.uid)
            gone = await reader.remove([letter.place, renumbered], ours=_is_tagged)

            assert set(gone) == {letter.place, renumbered}

    on_site(test)


def test_mail_that_comes_while_others_are_removed_is_not_missed(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            for _ in range(5):
                await site.deliver(TAGGED)
                [letter] = await read_until(reader, 1)
                _, _, [late] = await asyncio.gather(
                    reader.remove([letter.place], ours=_is_tagged), site.deliver(FOREIGN), read_until(reader, 1)
                )

                assert b"dinner" in late.header

    on_site(test)


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_wait_can_be_woken(on_site: OnSite, when: str) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            await reader.read()
            if when == "before":
                reader.wake()
            else:
                asyncio.get_running_loop().call_later(0.05, reader.wake)

            async with asyncio.timeout(2):
                await reader.wait(timedelta(seconds=20))

            assert not (await reader.read()).letters

    on_site(test)


def test_a_wait_ends_by_itself(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            await reader.read()
            async with asyncio.timeout(5):
                await reader.wait(timedelta(milliseconds=30))

    on_site(test)


def test_a_cancelled_wait_leaves_the_session_of_use(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        async with reading(site.way) as reader:
            await reader.read()
            waiting = asyncio.create_task(reader.wait(timedelta(seconds=20)))
            await asyncio.sleep(0.02)
            waiting.cancel()
            await site.deliver(TAGGED)

            assert len(await read_until(reader, 1)) == 1

    on_site(test)


def test_a_wrong_password_is_trouble_that_does_not_show_it(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        with pytest.raises(MailboxTrouble, match="refused the login of") as caught:
            async with reading(site.way_with_wrong_password) as reader:
                await reader.read()

        assert "not-the-password" not in str(caught.value)
        assert caught.value.__cause__ is None

    on_site(test)


def test_closing_ends_a_wait_and_frees_the_thread(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        threads = threading.active_count()
        async with reading(site.way) as reader:
            await reader.read()
            waiting = asyncio.create_task(_quietly(reader))
            await asyncio.sleep(0.02)

            async with asyncio.timeout(1):
                await reader.close()
                await waiting

            await reader.close()
            reader.wake()
            assert threading.active_count() == threads

    on_site(test)


def test_a_closed_reader_says_that_it_is_closed(on_site: OnSite) -> None:
    async def test(site: Site) -> None:
        reader = site.way.reader(Folder.INBOX, "INBOX")
        await reader.close()

        with pytest.raises(MailboxTrouble, match="closed"):
            await reader.read()

    on_site(test)


def _is_tagged(place: Place, header: bytes, body: bytes) -> bool:
    return b"Mailflow-Probe: AAAA" in header


async def _quietly(reader: FolderReader) -> None:
    try:
        await reader.wait(timedelta(seconds=20))
    except MailboxTrouble:
        return
