"""Mail that arrives while something else is asked for: a server tells of it once, wherever it likes."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from probe.model.letter import Folder, Place
from probe.ports import Mark
from tests.mailbox.scripted import Answer, scripted
from tests.mailbox.sites import imap_access, reading, run
from tests.mailbox.test_hostile_imap import GREETING, SANE

EMPTY = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\nTAG OK [READ-ONLY] done\r\n"
ONE = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\nTAG OK [READ-ONLY] done\r\n"
ONE_MEANWHILE = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n* 1 EXISTS\r\nTAG OK done\r\n"
SILENT = b"TAG OK nothing to say\r\n"
TOLD = b"* 1 EXISTS\r\nTAG OK done\r\n"
SEARCHED = b"* SEARCH\r\nTAG OK done\r\n"


def one_after_another(answers: Sequence[bytes]) -> Answer:
    """The last is said again and again."""
    left: Iterator[bytes] = iter(answers)
    last = answers[-1]

    async def say(writer: asyncio.StreamWriter, tag: bytes) -> None:
        writer.write(next(left, last).replace(b"TAG", tag))

    return say


@pytest.mark.parametrize("mark", [None, Mark(7, 0), Mark(6, 5)], ids=["first", "after a reconnect", "renumbered"])
@pytest.mark.parametrize(
    "examine, search",
    [
        ([EMPTY, ONE], b"* SEARCH\r\n* 1 EXISTS\r\nTAG OK done\r\n"),
        ([ONE_MEANWHILE], SEARCHED),
        ([EMPTY, ONE_MEANWHILE], SEARCHED),
    ],
    ids=["with the search", "in the midst of opening", "in the midst of opening again"],
)
def test_what_comes_while_a_folder_is_opened_is_read(examine: list[bytes], search: bytes, mark: Mark | None) -> None:
    async def test() -> None:
        script: dict[bytes, Answer] = {
            **SANE,
            b"EXAMINE": one_after_another(examine),
            b"UID SEARCH": search,
            b"NOOP": SILENT,
        }
        if mark == Mark(7, 0) and examine[0] is EMPTY:
            # Nothing is searched for, and nothing is opened twice: it is told with what is asked next.
            script[b"NOOP"] = TOLD
        async with scripted(GREETING, script, tagged=True) as port, reading(imap_access(port), mark=mark) as reader:
            letters = [*(await reader.read()).letters, *(await reader.read()).letters]

            assert [letter.place.uid for letter in letters] == ["1"]

    run(test)


@pytest.mark.parametrize("mark", [None, Mark(6, 5)], ids=["first", "renumbered"])
def test_what_comes_while_another_message_goes_and_the_folder_is_opened_is_read(mark: Mark | None) -> None:
    async def test() -> None:
        script: dict[bytes, Answer] = {
            **SANE,
            b"EXAMINE": one_after_another([ONE.replace(b"UIDNEXT 2", b"UIDNEXT 1"), ONE]),
            b"UID SEARCH": b"* SEARCH\r\n* 1 EXPUNGE\r\n* 1 EXISTS\r\nTAG OK done\r\n",
            b"NOOP": SILENT,
        }
        async with scripted(GREETING, script, tagged=True) as port, reading(imap_access(port), mark=mark) as reader:
            assert len((await reader.read()).letters) == 1

    run(test)


@pytest.mark.parametrize(
    "again, fetch",
    [
        ([ONE], b""),
        ([ONE_MEANWHILE], b""),
        ([ONE], b"* 1 EXISTS\r\n"),
    ],
    ids=["before it is opened again", "in the midst of opening again", "with the headers"],
)
def test_what_comes_while_others_are_removed_is_read(again: list[bytes], fetch: bytes) -> None:
    async def test() -> None:
        removing = [True]

        async def fetched(writer: asyncio.StreamWriter, tag: bytes) -> None:
            told = fetch if removing else b"* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER]<0> {4}\r\na:b\n)\r\n"
            removing.clear()
            writer.write(told + tag + b" OK done\r\n")

        script: dict[bytes, Answer] = {
            **SANE,
            b"EXAMINE": one_after_another([EMPTY, EMPTY, *again]),
            b"SELECT": EMPTY.replace(b"[READ-ONLY]", b"[READ-WRITE]"),
            b"NOOP": SILENT,
            b"UID FETCH": fetched,
        }
        async with scripted(GREETING, script, tagged=True) as port, reading(imap_access(port)) as reader:
            assert not (await reader.read()).letters
            await reader.remove([Place("m", Folder.INBOX, 7, "9")], ours=lambda place, header, body: True)

            assert [letter.place.uid for letter in (await reader.read()).letters] == ["1"]

    run(test)


def test_a_folder_that_may_not_be_written_keeps_its_messages_and_is_read_on() -> None:
    async def test() -> None:
        script: dict[bytes, Answer] = {
            **SANE,
            b"EXAMINE": one_after_another([EMPTY, EMPTY, ONE]),
            b"SELECT": EMPTY,
            b"NOOP": SILENT,
        }
        async with scripted(GREETING, script, tagged=True) as port, reading(imap_access(port)) as reader:
            await reader.read()
            gone = await reader.remove([Place("m", Folder.INBOX, 7, "9")], ours=lambda place, header, body: True)

            assert not gone
            assert len((await reader.read()).letters) == 1

    run(test)
