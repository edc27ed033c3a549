"""Any mail, and any answer of a server about it: read in bounded time, or trouble, and never believed."""

import asyncio
import time
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.mailbox.fetched import Fetched, fetched, uids
from probe.mailbox.patience import Patience
from probe.mailbox.recognition import HEADER_CAP, REPORT_CAP, proving_octets, wanted_octets
from probe.model.letter import Folder, Kind, Letter, Place, recognise
from probe.model.received import hops
from probe.model.settings import TagKey
from probe.ports import MailboxTrouble, News
from tests.mailbox.scripted import Answer, scripted
from tests.mailbox.sites import imap_access, reading, run
from tests.mailbox.test_hostile_imap import GREETING, SANE

KEY = TagKey("k1", b"0123456789abcdef")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = 160 * 1024
LONGEST_SECONDS = 0.5
"""Of processor time, for a message of the largest size that is looked at; some milliseconds are usual."""
IMPATIENT = Patience(connect_seconds=5, operation_seconds=0.3, goodbye_seconds=0.2, grace_seconds=5)

WORDS = [
    b"Mailflow-Probe:",
    b"Mailflow: ",
    b"MFVGPFFPOZN6OAAAAAAAAAAAAAAAAAABNGSCUQFBETFFN7XZFX2N5CG42GGUVB3D",
    b"Message-ID: <",
    b"Subject: ",
    b"mail flow test",
    b"Return-Path: <>",
    b"Content-Type: multipart/report; boundary=",
    b"From: mailer-daemon",
    b"Received: from a by b; ",
    b"Sun, 01 Mar 2026 12:00:00 +0000",
    b"=?utf-8?b?",
    b"\r\n",
    b"\r\n ",
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b"(",
    b"<",
    b"@",
    b"--",
    b"\x00",
    b"\xff",
]
PIECE = st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), min_size=1, max_size=6).map(b"".join)


def large(pieces: list[bytes], size: int) -> bytes:
    """Repeat pieces up to a size: what is quadratic shows."""
    return b"".join(piece * (size // len(pieces) // max(len(piece), 1) + 1) for piece in pieces)[:size]


@settings(deadline=None, max_examples=60)
@given(st.lists(PIECE, min_size=1, max_size=3), st.lists(PIECE, min_size=1, max_size=3))
def test_a_message_is_looked_at_in_bounded_time_and_none_is_believed(header: list[bytes], body: list[bytes]) -> None:
    letter = Letter(
        Place("m", Folder.INBOX, 1, "1"), 10**9, NOW, None, large(header, HEADER_CAP), large(body, REPORT_CAP)
    )

    begun = time.process_time()
    wanted = wanted_octets(letter.header, size=letter.size, ours=OURS)
    proving_octets(letter.header, size=letter.size)
    kind, found = recognise(letter, [KEY])
    hops(letter.header, sent=NOW, seen=NOW)

    assert time.process_time() - begun < LONGEST_SECONDS
    assert wanted in (0, OURS, REPORT_CAP)
    assert found is None
    assert kind is not Kind.OURS


ANSWER = st.lists(st.binary(max_size=40) | st.tuples(st.binary(max_size=40), st.binary(max_size=40)), max_size=4)
PARTS = [b"1 (", b")", b"UID 7", b" ", b"RFC822.SIZE 9", b"BODY[HEADER]", b" NIL", b"{3}", b'"x', b"((", b"-1"]
GRAMMATICAL = st.lists(st.sampled_from(PARTS), max_size=12).map(lambda words: [b"".join(words)])


@settings(deadline=None, max_examples=300)
@given(ANSWER | GRAMMATICAL)
def test_an_answer_is_messages_or_an_error_and_never_something_else(answer: list[bytes | tuple[bytes, bytes]]) -> None:
    for read in (lambda: list(fetched(answer, b"BODY[HEADER")), lambda: uids(answer)):
        try:
            found = read()
        except Exception:  # whatever it is, the session turns it into trouble
            continue
        assert all(isinstance(each, int) or _is_sound(each) for each in found)


@settings(deadline=None, max_examples=20)
@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda octets: b"* 1 FETCH (UID 1 BODY[HEADER] " + octets))
def test_whatever_a_server_says_to_a_question_there_is_news_or_trouble_soon(said: bytes) -> None:
    async def test() -> News | MailboxTrouble:
        async def answer(writer: asyncio.StreamWriter, tag: bytes) -> None:
            writer.write(said + b"\r\n" + tag + b" OK done\r\n")

        script: dict[bytes, Answer] = {**SANE, b"UID FETCH": answer}
        async with (
            scripted(GREETING, script, tagged=True) as port,
            reading(imap_access(port, patience=IMPATIENT)) as reader,
        ):
            await reader.read()
            try:
                return await reader.read()
            except MailboxTrouble as trouble:
                return trouble

    news = run(test, seconds=10)
    assert isinstance(news, MailboxTrouble) or all(len(letter.header) <= HEADER_CAP for letter in news.letters)


def _is_sound(each: Fetched) -> bool:
    return isinstance(each.uid, int) and isinstance(each.size, int) and isinstance(each.part, bytes)
