"""A mailbox full of other people's mail, on Dovecot: ours is known in time, and theirs stays as it was."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from imapclient.response_parser import parse_fetch_response

from probe.mailbox.imap_session import BATCH
from probe.ports import FolderReader, Mark, News
from tests.lab import MONITOR, Laboratory
from tests.mailbox.sites import DovecotSite, dovecot_site, reading, run

pytestmark = pytest.mark.lab

MANY = 20_000
"""The full 100,000 are for `python -m bench.backlog`."""
OURS = b"Subject: ours\r\nMailflow-Probe: AAAA\r\n\r\nbody\r\n"


def test_news_is_known_in_time_while_a_large_backlog_is_worked_down_and_nothing_of_it_is_touched(
    lab: Laboratory,
) -> None:
    async def test() -> None:
        # Given a probe that was away while much mail came
        lab.deliver(MONITOR, OURS)
        mark = Mark(validity(lab), 1)
        lab.dovecot.fill(MONITOR, foreign(MANY))
        before = flags(lab)
        site = dovecot_site(lab, pop3=False)

        # When
        begun = time.monotonic()
        async with reading(site.way, mark=mark, since=datetime.now(UTC)) as reader:
            first = await reader.read()
            started = time.monotonic() - begun
            worked = await Worked().down(reader, first, site)

        # Then
        assert started < 5
        assert len(worked.delays) > 3
        assert max(worked.delays) < 1
        assert max(map(len, worked.slices)) <= BATCH
        assert sorted(uid for uids in worked.slices for uid in uids) == list(range(2, MANY + 2 + len(worked.delays)))
        after = flags(lab)
        assert {uid: after[uid] for uid in before} == before

    run(test, seconds=120)


@dataclass
class Worked:
    """What came of a backlog while a message of ours was delivered now and then."""

    slices: list[list[int]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """How many seconds after its delivery each message of ours was known."""

    async def down(self, reader: FolderReader, news: News, site: DovecotSite) -> "Worked":
        """Read until nothing is left."""
        self._take(news)
        while news.backlog:
            await site.deliver(OURS)
            delivered, known = time.monotonic(), False
            for _ in range(10):
                news = await reader.read()
                if not known and any(b"Subject: ours" in letter.header for letter in news.letters):
                    known = True
                    self.delays.append(time.monotonic() - delivered)
                self._take(news)
        return self

    def _take(self, news: News) -> None:
        self.slices.append([int(letter.place.uid) for letter in news.letters])


def foreign(count: int) -> Iterator[bytes]:
    return (b"Subject: lunch %d\r\nFrom: a@b.test\r\n\r\n%s\r\n" % (number, b"x" * 200) for number in range(count))


def validity(lab: Laboratory) -> int:
    with lab.imap() as client:
        return int(client.select_folder("INBOX", readonly=True)[b"UIDVALIDITY"])


def flags(lab: Laboratory) -> dict[int, set[bytes]]:
    """Return the flags of every message, but for \\Recent, which no client can set (RFC 3501 2.3.2)."""
    with lab.imap() as client:
        client.select_folder("INBOX", readonly=True)
        # Not by a list of UIDs: for so many it is longer than Dovecot takes a line.
        lines = client._imap.uid("FETCH", "1:*", "(FLAGS)")[1]
        found = parse_fetch_response(lines)
        return {uid: set(items[b"FLAGS"]) - {b"\\Recent"} for uid, items in found.items()}
