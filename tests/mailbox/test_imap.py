"""What is IMAP's own: push, cursors, renumbering, folders, backlogs, and a server that stops."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from probe.demo.behaviour import ImapFaults
from probe.demo.imap import ImapServer
from probe.mailbox.imap_beginning import SEARCHED_UIDS
from probe.mailbox.imap_session import BATCH
from probe.mailbox.patience import Patience
from probe.model.letter import Folder, Letter
from probe.ports import FolderReader, MailboxTrouble, Mark, News
from tests.mailbox.sites import ADDRESS, imap_access, read_until, reading, run, store

MESSAGE = b"Subject: hello\r\nMailflow-Probe: AAAA\r\n\r\nbody\r\n"
IMPATIENT = Patience(connect_seconds=0.5, operation_seconds=0.3, goodbye_seconds=0.2, grace_seconds=0.5)
LONG = timedelta(seconds=20)
LONG_AGO = datetime.now(UTC) - timedelta(days=30)


def with_server(test: Callable[[ImapServer], Awaitable[None]]) -> None:
    async def once() -> None:
        async with ImapServer(store()) as server:
            await test(server)

    run(once)


def deliver(server: ImapServer, count: int = 1, *, received: datetime | None = None) -> None:
    account = server.store.account(ADDRESS)
    assert account
    for _ in range(count):
        account.inbox.append(MESSAGE, received=received)


async def read_all(reader: FolderReader) -> list[News]:
    readings = [await reader.read()]
    while readings[-1].more or readings[-1].backlog:
        readings.append(await reader.read())
    return readings


def test_a_push_ends_the_wait_and_is_the_moment_of_being_seen() -> None:
    async def test(server: ImapServer) -> None:
        async with reading(imap_access(server.port)) as reader:
            await reader.read()
            asyncio.get_running_loop().call_later(0.05, deliver, server)
            await reader.wait(LONG)
            pushed = datetime.now(UTC)
            await asyncio.sleep(0.05)

            [letter] = (await reader.read()).letters

            assert letter.seen <= pushed

    with_server(test)


def test_mail_that_comes_between_the_last_command_and_idle_is_not_slept_over() -> None:
    async def test(server: ImapServer) -> None:
        async with reading(imap_access(server.port)) as reader:
            for _ in range(20):
                await reader.read()
                deliver(server)
                async with asyncio.timeout(1):
                    await reader.wait(LONG)

                assert len((await reader.read()).letters) == 1

    with_server(test)


def test_a_server_that_pushes_nothing_is_heard_by_asking() -> None:
    async def test(server: ImapServer) -> None:
        server.faults = ImapFaults(silent_idle=True)
        async with reading(imap_access(server.port)) as reader:
            deliver(server)
            await reader.wait(timedelta(milliseconds=20))

            assert len((await reader.read()).letters) == 1

    with_server(test)


def test_a_server_that_closes_ends_the_wait_with_trouble() -> None:
    async def test(server: ImapServer) -> None:
        async with reading(imap_access(server.port)) as reader:
            await reader.read()
            asyncio.get_running_loop().call_later(0.05, server.drop_all)

            with pytest.raises(MailboxTrouble):
                await reader.wait(LONG)

    with_server(test)


def test_a_known_mark_goes_on_behind_it() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 3)
        async with reading(imap_access(server.port), mark=Mark(1000, 2)) as reader:
            news = await reader.read()

            assert [letter.place.uid for letter in news.letters] == ["3"]
            assert (news.mark, news.rescan) == (Mark(1000, 3), False)

    with_server(test)


def test_a_mark_of_another_validity_is_worthless_and_leads_to_a_rescan_once() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 3)
        async with reading(imap_access(server.port), mark=Mark(999, 2)) as reader:
            first, second = await reader.read(), await reader.read()

            assert [letter.place.uid for letter in first.letters] == ["1", "2", "3"]
            assert (first.mark, first.rescan, second.rescan) == (Mark(1000, 3), True, False)

    with_server(test)


@pytest.mark.parametrize("mark, first", [(Mark(999, 7), 1), (None, 201)], ids=["renumbered", "for the first time"])
def test_a_folder_that_was_renumbered_is_scanned_as_far_back_as_its_mail_is_recent(
    mark: Mark | None, first: int
) -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, SEARCHED_UIDS + 200)
        async with reading(imap_access(server.port), mark=mark) as reader:
            news = await reader.read()

            [(lowest, _)] = news.mark.gaps if news.mark else ()
            assert (lowest, news.rescan) == (first, mark is not None)

    with_server(test)


@pytest.mark.parametrize("uid, rescan", [(3, False), (4, True)])
def test_a_mark_beyond_the_numbers_that_a_folder_gave_out_is_worthless(uid: int, rescan: bool) -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 3)
        async with reading(imap_access(server.port), mark=Mark(1000, uid)) as reader:
            news = await reader.read()
            deliver(server)

            assert (len(news.letters), news.rescan) == (3 if rescan else 0, rescan)
            assert [letter.place.uid for letter in (await reader.read()).letters] == ["4"]

    with_server(test)


@pytest.mark.parametrize(
    "act",
    [
        lambda reader, letter: reader.read(),
        lambda reader, letter: reader.wait(LONG),
        lambda reader, letter: reader.remove([letter.place], ours=lambda place, header, body: True),
    ],
    ids=["read", "wait", "remove"],
)
def test_a_folder_renumbered_under_a_session_is_trouble(
    act: Callable[[FolderReader, Letter], Awaitable[object]],
) -> None:
    async def test(server: ImapServer) -> None:
        deliver(server)
        async with reading(imap_access(server.port)) as reader:
            [letter] = (await reader.read()).letters
            account = server.store.account(ADDRESS)
            assert account
            account.inbox.renumber()

            with pytest.raises(MailboxTrouble):
                await act(reader, letter)

            assert len(account.inbox.messages) == 1

    with_server(test)


def test_ten_thousand_old_messages_are_passed_over_in_a_moment() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 10_000, received=LONG_AGO)
        deliver(server, 2)
        begun = time.monotonic()
        async with reading(imap_access(server.port)) as reader:
            news = await reader.read()

            assert [letter.place.uid for letter in news.letters] == ["10001", "10002"]
            assert (news.messages, news.more) == (10_002, False)
            assert time.monotonic() - begun < 2

    with_server(test)


def test_without_anything_recent_reading_begins_at_the_end() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 10, received=LONG_AGO)
        async with reading(imap_access(server.port)) as reader:
            assert not (await reader.read()).letters
            deliver(server)

            assert [letter.place.uid for letter in (await reader.read()).letters] == ["11"]

    with_server(test)


@pytest.mark.parametrize("count, readings", [(BATCH, [BATCH]), (BATCH + 1, [BATCH, 1]), (2 * BATCH, [BATCH, BATCH])])
def test_a_backlog_is_read_in_batches(count: int, readings: list[int]) -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, count)
        async with reading(imap_access(server.port)) as reader:
            news = await read_all(reader)

            assert [len(each.letters) for each in news] == readings
            assert news[-1].mark == Mark(1000, count)
            assert not news[0].more

    with_server(test)


def test_a_backlog_is_read_from_its_newest_message_on_and_the_mark_says_what_is_left() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 2 * BATCH + 1)
        async with reading(imap_access(server.port), mark=Mark(1000, 0)) as reader:
            newest, older, oldest = await read_all(reader)

            assert [int(letter.place.uid) for letter in newest.letters] == list(range(BATCH + 2, 2 * BATCH + 2))
            assert newest.mark == Mark(1000, 2 * BATCH + 1, ((1, BATCH + 1),))
            assert older.mark == Mark(1000, 2 * BATCH + 1, ((1, 1),))
            assert [letter.place.uid for letter in oldest.letters] == ["1"]
            assert (newest.backlog, older.backlog, oldest.backlog) == (BATCH + 1, 1, 0)
            assert newest.since
            assert newest.since <= datetime.now(UTC)
            assert oldest.since is None

    with_server(test)


def test_news_comes_before_the_backlog_and_does_not_stop_it() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 3 * BATCH)
        async with reading(imap_access(server.port), mark=Mark(1000, 0)) as reader:
            await reader.read()
            readings = []
            for _ in range(4):
                deliver(server)
                readings.append(await reader.read())

            assert [len(each.letters) for each in readings] == [1, BATCH, 2, BATCH]
            assert [each.more for each in readings] == [False, True, False, True]

    with_server(test)


def test_a_session_after_a_crash_goes_on_with_what_was_left_beside_what_came_meanwhile() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 500)
        mark = Mark(1000, 400, ((1, 10), (21, 30)))
        async with reading(imap_access(server.port), mark=mark) as reader:
            readings = await read_all(reader)

            uids = [int(letter.place.uid) for each in readings for letter in each.letters]
            assert uids == [*range(401, 501), *range(21, 31), *range(1, 11)]
            assert readings[-1].mark == Mark(1000, 500)
            # What was left may stem from a rescan that was cut off.
            assert [each.rescan for each in readings] == [False, True, True]

    with_server(test)


def test_a_folder_renumbered_is_scanned_again_to_its_end() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 2 * BATCH + 1)
        async with reading(imap_access(server.port), mark=Mark(999, 7, ((1, 3),))) as reader:
            readings = await read_all(reader)
            deliver(server)
            after = await reader.read()

            assert sum(len(each.letters) for each in readings) == 2 * BATCH + 1
            assert all(each.rescan for each in readings)
            assert (len(after.letters), after.rescan) == (1, False)

    with_server(test)


def test_gaps_in_a_backlog_are_passed_over() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 8 * BATCH)
        account = server.store.account(ADDRESS)
        assert account
        account.inbox.expunge(range(BATCH // 2, 7 * BATCH))
        async with reading(imap_access(server.port), mark=Mark(1000, 0)) as reader:
            news = await read_all(reader)

            assert sum(len(each.letters) for each in news) == BATCH // 2 - 1 + BATCH + 1
            assert all(each.letters for each in news)

    with_server(test)


def test_mail_that_grows_beyond_a_batch_while_nobody_reads_is_read_in_full() -> None:
    async def test(server: ImapServer) -> None:
        async with reading(imap_access(server.port)) as reader:
            await reader.read()
            deliver(server, BATCH + 10)

            assert [len(each.letters) for each in await read_all(reader)] == [BATCH, 10]

    with_server(test)


def test_deleted_mail_does_not_hide_new_mail() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server, 3)
        account = server.store.account(ADDRESS)
        assert account
        async with reading(imap_access(server.port)) as reader:
            await reader.read()
            account.inbox.expunge([1, 2])
            deliver(server)

            news = await reader.read()

            assert [letter.place.uid for letter in news.letters] == ["4"]
            assert news.messages == 2

    with_server(test)


def test_a_server_that_never_answers_is_trouble_at_the_deadline() -> None:
    async def test(server: ImapServer) -> None:
        server.faults = ImapFaults(silent=True)
        reader = imap_access(server.port, patience=IMPATIENT).reader(Folder.INBOX, "INBOX")
        async with asyncio.timeout(2):
            with pytest.raises(MailboxTrouble, match="did not answer in time"):
                await reader.open(None, since=LONG_AGO)
            await reader.close()

    with_server(test)


@pytest.mark.parametrize(
    "act", [lambda reader: reader.read(), lambda reader: reader.wait(timedelta(milliseconds=50))], ids=["read", "wait"]
)
def test_a_server_that_falls_silent_is_trouble_at_the_deadline(
    act: Callable[[FolderReader], Awaitable[object]],
) -> None:
    async def test(server: ImapServer) -> None:
        async with reading(imap_access(server.port, patience=IMPATIENT)) as reader:
            await reader.read()
            server.faults = ImapFaults(silent=True)
            async with asyncio.timeout(2):
                with pytest.raises(MailboxTrouble, match="did not answer in time"):
                    await act(reader)

    with_server(test)


def test_closing_does_not_wait_for_a_server_that_fell_silent() -> None:
    async def test(server: ImapServer) -> None:
        async with reading(imap_access(server.port)) as reader:
            await reader.read()
            server.faults = ImapFaults(silent=True)
            stuck = asyncio.create_task(reader.read())
            await asyncio.sleep(0.05)
            async with asyncio.timeout(1):
                await reader.close()
                with pytest.raises(MailboxTrouble):
                    await stuck

    with_server(test)


def test_the_junk_folder_is_found_by_its_attribute() -> None:
    async def test(server: ImapServer) -> None:
        assert await imap_access(server.port).folders() == {Folder.INBOX: "INBOX", Folder.JUNK: "Junk"}

    with_server(test)


def test_a_mailbox_without_a_junk_folder_has_an_inbox_only() -> None:
    async def test(server: ImapServer) -> None:
        account = server.store.account(ADDRESS)
        assert account
        del account.folders["Junk"]

        assert await imap_access(server.port).folders() == {Folder.INBOX: "INBOX"}

    with_server(test)


def test_a_junk_folder_by_a_wrong_name_is_trouble() -> None:
    async def test(server: ImapServer) -> None:
        with pytest.raises(MailboxTrouble, match="has no folder Spam for"):
            await imap_access(server.port, junk="Spam").folders()

    with_server(test)


def test_a_folder_that_does_not_exist_is_trouble_that_names_it() -> None:
    async def test(server: ImapServer) -> None:
        with pytest.raises(MailboxTrouble, match="does not open the folder Elsewhere"):
            async with reading(imap_access(server.port), folder="Elsewhere"):
                pass

    with_server(test)


def test_a_server_that_refuses_connections_is_trouble() -> None:
    async def test(server: ImapServer) -> None:
        port = server.port
        await server.close()
        with pytest.raises(MailboxTrouble, match="Connection refused"):
            async with reading(imap_access(port)):
                pass

    with_server(test)


def test_flags_that_others_set_are_not_taken_for_mail() -> None:
    async def test(server: ImapServer) -> None:
        deliver(server)
        account = server.store.account(ADDRESS)
        assert account
        async with reading(imap_access(server.port)) as reader:
            await read_until(reader, 1)
            account.inbox.set_flags(1, ["\\Seen"])

            assert not (await reader.read()).letters

    with_server(test)
