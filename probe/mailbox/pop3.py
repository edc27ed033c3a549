"""A mailbox over POP3: one visit to the maildrop for each reading."""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from probe.mailbox.bell import Bell
from probe.mailbox.credentials import Credentials
from probe.mailbox.patience import Patience
from probe.mailbox.pop3_client import Pop3Client
from probe.mailbox.pop3_session import Maildrop
from probe.mailbox.recognition import HEADER_CAP, REPORT_CAP, proving_octets, wanted_octets
from probe.mailbox.worker import Worker
from probe.model.letter import Folder, Letter, Place
from probe.model.settings import Mailbox, Pop3Settings
from probe.model.trouble import Trouble, TroubleKind
from probe.ports import Clock, MailboxTrouble, Mark, News, Verifier

READING_SECONDS = 10.0
"""Further letters are left for the next reading after so long: far servers answer TOP slowly."""
BATCH = 500
OLDEST = 2000
"""How many messages that lie there at the start are looked at, newest first; POP3 does not tell their age."""
SHORTEST_LINE = 16
"""Octets in the lines of a body, on average at least: TOP counts lines."""
_UIDL = re.compile(r"[\x21-\x7e]{1,200}")
"""RFC 1939 7 allows 70 characters; some servers use more."""


class Pop3Access:
    """The way into one mailbox; POP3 knows no folders, so that junk cannot be seen."""

    def __init__(
        self,
        mailbox: Mailbox,
        settings: Pop3Settings,
        *,
        credentials: Credentials,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._mailbox = mailbox
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._patience = patience

    async def folders(self) -> Mapping[Folder, str]:
        """Return the inbox."""
        return {Folder.INBOX: self._mailbox.inbox}

    def reader(self, folder: Folder, name: str) -> "Pop3Reader":
        """Return a reader of the maildrop."""
        return Pop3Reader(
            self._mailbox.name,
            self._settings,
            folder,
            longest_body=self._mailbox.longest_body,
            credentials=self._credentials,
            clock=self._clock,
            patience=self._patience,
        )


class Pop3Reader:
    """Reads the maildrop; its blocking calls run in a thread of its own."""

    pace = timedelta(seconds=1)

    def __init__(
        self,
        mailbox: str,
        settings: Pop3Settings,
        folder: Folder,
        *,
        longest_body: int,
        credentials: Credentials,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._mailbox = mailbox
        self._server = settings.endpoint
        self._folder = folder
        self._longest_body = longest_body
        self._known: set[str] | None = None
        self._first_seen: dict[str, datetime] = {}
        self._maildrop = Maildrop(settings, credentials=credentials, patience=patience)
        self._bell = Bell()
        self._worker = Worker(f"{mailbox} {folder}", last=self._bell.close)

    async def open(self, mark: Mark | None, *, since: datetime) -> None:
        """Do nothing: every reading is a session of its own, and a server with LOGIN-DELAY forgives none in vain."""

    async def read(self) -> News:
        """Visit the maildrop and read what was not there before, newest first."""
        return await self._worker.run(self._read, within=self._patience.longest_seconds)

    async def wait(self, longest: timedelta) -> None:
        """Return when woken, or after so long."""
        seconds = longest.total_seconds()
        try:
            await self._worker.run(lambda: self._bell.wait(seconds), within=seconds + self._patience.grace_seconds)
        except BaseException:
            self.wake()
            raise

    def wake(self) -> None:
        """Make a wait that goes on, or the next one, return at once."""
        self._bell.ring()

    async def remove(self, places: Sequence[Place], *, ours: Verifier) -> Sequence[Place]:
        """Delete messages for which `ours` still holds; gone is what a server let go at QUIT."""
        return await self._worker.run(lambda: self._remove(places, ours), within=self._patience.longest_seconds)

    async def close(self) -> None:
        """Free everything; never raise."""
        self.wake()
        self._maildrop.shut()
        self._worker.end()
        await self._worker.ended(within=self._patience.goodbye_seconds)

    def _read(self) -> News:
        begun = time.monotonic()
        with self._maildrop.visit() as client:
            listed = _uidls(client)
            took = time.monotonic() - begun
            now = self._clock.now()
            new = self._new(listed, now)
            sizes = {number: int(word.split(" ")[0]) for number, word in client.table("LIST")} if new else {}
            letters = self._letters(client, new, sizes)
        # Not before the session has ended well: what is lost with it must be read again.
        self._read_already(letters)
        return News(letters, None, len(listed), more=len(letters) < len(new), troubles=self._troubles(took))

    def _troubles(self, took: float) -> tuple[Trouble, ...]:
        if took <= self._patience.slow_seconds:
            return ()
        return (Trouble(TroubleKind.SLOW, f"{self._server} took {took:.1f} s to say what is there"),)

    def _new(self, listed: list[tuple[int, str]], now: datetime) -> list[tuple[int, str]]:
        """Return what has not been read yet, newest first, and forget what is no longer there."""
        newest_first = listed[::-1]
        if self._known is None:
            self._known = {uidl for _, uidl in newest_first[OLDEST:]}
        present = {uidl for _, uidl in listed}
        self._known &= present
        self._first_seen = {uidl: self._first_seen.get(uidl, now) for uidl in present - self._known}
        return [(number, uidl) for number, uidl in newest_first if uidl in self._first_seen]

    def _read_already(self, letters: list[Letter]) -> None:
        assert self._known is not None, "what is new was found out before"
        self._known |= {letter.place.uid for letter in letters}

    def _letters(self, client: Pop3Client, new: list[tuple[int, str]], sizes: dict[int, int]) -> list[Letter]:
        until = time.monotonic() + READING_SECONDS
        letters = []
        for number, uidl in new[:BATCH]:
            if time.monotonic() > until:
                break
            size = sizes.get(number, 0)
            wanted = partial(wanted_octets, size=size, ours=self._longest_body)
            header, body, whole = _beginning(client, number, wanted, size=size)
            place = Place(self._mailbox, self._folder, 0, uidl)
            letters.append(Letter(place, size, self._first_seen[uidl], None, header, body, whole))
        return letters[::-1]

    def _remove(self, places: Sequence[Place], ours: Verifier) -> Sequence[Place]:
        wanted = {place.uid: place for place in places if place.validity == 0}
        kept = Counter[str]()
        with self._maildrop.visit() as client:
            for number, uidl in _uidls(client):
                if uidl in wanted:
                    proving = partial(proving_octets, size=REPORT_CAP)
                    header, body, _ = _beginning(client, number, proving, size=0)
                    if ours(wanted[uidl], header, body):
                        client.delete(number)
                    else:
                        kept[uidl] += 1
        return [place for place in places if place.uid not in kept]


def _uidls(client: Pop3Client) -> list[tuple[int, str]]:
    rows = client.table("UIDL")
    if not all(_UIDL.fullmatch(uidl) for _, uidl in rows):
        raise MailboxTrouble("the server's UIDL are not as RFC 1939 7 has them")
    return rows


def _beginning(
    client: Pop3Client, number: int, wanted: Callable[[bytes], int], *, size: int
) -> tuple[bytes, bytes, bool]:
    """Return the header, as much of the body as is wanted, and whether that is all of it."""
    header = client.beginning(number, lines=0, cap=HEADER_CAP)
    octets = wanted(header)
    if not octets:
        return header, b"", False
    # Of a message that is wanted whole, all the lines that there can be.
    lines = size if octets == size else -(-octets // SHORTEST_LINE)
    body = client.beginning(number, lines=lines, cap=len(header) + octets)[len(header) :]
    # Servers that keep LF for CRLF, and count it as one, tell too small a size: what fills it may go on.
    return header, body, octets == size > len(body)
