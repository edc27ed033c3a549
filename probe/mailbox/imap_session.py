"""One folder of an IMAP mailbox, read by one thread: the blocking side of the reader."""

import contextlib
import imaplib
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from imapclient.exceptions import IMAPClientError

from probe.mailbox.arrivals import Arrivals
from probe.mailbox.bell import Bell
from probe.mailbox.credentials import Credentials
from probe.mailbox.fetched import Fetched, fetched, uids
from probe.mailbox.imap_login import log_in
from probe.mailbox.patience import Patience
from probe.mailbox.recognition import BODY_CAP, HEADER_CAP, wants_body
from probe.mailbox.trouble import text, translated
from probe.mailbox.wire import Wire
from probe.model.letter import Letter, Place
from probe.model.settings import ImapSettings
from probe.ports import Clock, MailboxTrouble, Mark, News, Verifier

log = logging.getLogger(__name__)

BATCH = 250
"""Messages in one FETCH: beyond it nothing gets faster, and their headers fit under the cap of the wire."""
WINDOWS = 40
"""Batches of UIDs that one reading looks through when they are full of gaps."""
SEARCHED_UIDS = 5000
"""How far back a first reading goes: the UIDs found must fit on one line."""
WITHOUT_IDLE = timedelta(seconds=30)

_NEWS = f"(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]<0.{HEADER_CAP}>)"
_HEADER = f"(UID BODY.PEEK[HEADER]<0.{HEADER_CAP}>)"
_BEGINNING = f"(UID BODY.PEEK[TEXT]<0.{BODY_CAP}>)"


class ImapSession:
    """A logged-in session; every method may raise MailboxTrouble, after which it is of no more use."""

    def __init__(
        self,
        wire: Wire,
        settings: ImapSettings,
        *,
        credentials: Credentials,
        place: Callable[[int, str], Place],
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._place = place
        self._clock = clock
        self._patience = patience
        self._server = settings.endpoint
        self._arrivals = Arrivals()
        self._validity: int | None = None
        self._cursor = 0
        self._fresh = True
        self._rescan = False
        self._warned = False
        with translated(self._server):
            self._client = log_in(wire, settings, credentials=credentials, heard=self._heard, patience=patience)

    def open(self, name: str, mark: Mark | None, *, since: datetime) -> None:
        """Open the folder read-only and decide where to begin."""
        self._name = name
        with self._operation():
            selected = self._select(read_only=True)
            if mark is not None and mark.validity == self._validity:
                self._cursor = mark.uid
            else:
                self._rescan = mark is not None
                self._cursor = self._last_before(since, selected)
                # What arrived meanwhile was told with the reply to the search, and has to be counted.
                selected = self._select(read_only=True)
            self._count_unread(selected)

    def read(self) -> News:
        """Ask for news and fetch it; one round trip when there is none."""
        with self._operation():
            if not self._fresh:
                self._client.noop()
            self._fresh = False
            letters = self._new_letters() if self._arrivals.unread else []
            rescan, self._rescan = self._rescan, False
            mark = Mark(self._uidvalidity, self._cursor)
            more = self._arrivals.unread > 0
            return News(letters, mark, self._arrivals.count, rescan=rescan, more=more)

    def wait(self, bell: Bell, longest: timedelta) -> None:
        """Return when the folder changes, the bell is rung, or after so long."""
        before = self._arrivals.changes
        with self._operation():
            if self._arrivals.unread or bell.rung():
                return
            offered = self._client.has_capability("IDLE")
            seconds = (longest if offered else min(longest, WITHOUT_IDLE)).total_seconds()
            self._client.watch(
                bell,
                seconds,
                changed=lambda: self._arrivals.changes != before,
                patience_seconds=self._patience.operation_seconds,
            )

    def remove(self, places: Sequence[Place], ours: Verifier) -> Sequence[Place]:
        """Delete by UID what is still ours, and open the folder read-only again."""
        with self._operation():
            stale = [place for place in places if place.validity != self._validity]
            present = {int(place.uid): place for place in places if place.validity == self._validity}
            if not present:
                return stale
            self._select(read_only=False)
            wanted = sorted(present)
            gone = [uid for batch in _batches(wanted) for uid in self._remove_batch(batch, present, ours)]
            self._count_unread(self._select(read_only=True))
            return [*stale, *(present[uid] for uid in gone)]

    def log_out(self) -> None:
        """Say goodbye."""
        with translated(self._server):
            self._client.begin(self._patience.goodbye_seconds)
            self._client.logout()

    @contextlib.contextmanager
    def _operation(self) -> Iterator[None]:
        with translated(self._server):
            self._client.begin(self._patience.operation_seconds)
            yield

    def _heard(self, kind: str, said: Any) -> None:
        match kind:
            case "EXISTS":
                self._arrivals.exists(int(said), self._clock.now())
            case "EXPUNGE":
                self._arrivals.expunged(int(said))
            case "UIDVALIDITY" if self._validity not in (None, int(said)):
                raise MailboxTrouble(f"{self._server} renumbered the folder {self._name}")

    @property
    def _uidvalidity(self) -> int:
        assert self._validity is not None, "a folder is opened before it is read"
        return self._validity

    def _select(self, *, read_only: bool) -> dict[bytes, Any]:
        try:
            selected: dict[bytes, Any] = self._client.select_folder(self._name, readonly=read_only)
        except imaplib.IMAP4.abort:
            raise
        except IMAPClientError as exc:
            raise MailboxTrouble(f"{self._server} does not open the folder {self._name}: {text(str(exc))}") from exc
        self._validity = int(selected[b"UIDVALIDITY"])
        return selected

    def _count_unread(self, selected: dict[bytes, Any]) -> None:
        count = int(selected[b"EXISTS"])
        above = int(selected.get(b"UIDNEXT", self._cursor + count + 1)) - 1 - self._cursor
        self._arrivals.opened(count, unread=max(min(count, above), 0), now=self._clock.now())

    def _last_before(self, since: datetime, selected: dict[bytes, Any]) -> int:
        """Return the UID of the last message that lies before all those to be read, or any as good."""
        last = int(selected[b"UIDNEXT"]) - 1 if b"UIDNEXT" in selected else self._highest()
        # SINCE knows no time zones (RFC 9051 6.4.4), so that the day before belongs to it.
        day = since - timedelta(days=1)
        date = f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"
        found = self._client.uid("SEARCH", f"UID {max(last - SEARCHED_UIDS, 0) + 1}:* SINCE {date}")
        return min([int(uid) for line in found if line for uid in line.split()], default=last + 1) - 1

    def _new_letters(self) -> list[Letter]:
        unread = self._arrivals.unread
        if unread <= BATCH:
            news = self._fetch_news(f"{self._cursor + 1}:*")
            self._cursor = max([self._cursor, *(each.uid for each in news)])
            letters = self._letters(news)
            self._arrivals.read(unread)
            return letters
        last = self._highest()
        letters = self._letters(self._next_window(last))
        self._arrivals.read(unread, left=max(min(self._arrivals.count, last - self._cursor), 0))
        return letters

    def _next_window(self, last: int) -> list[Fetched]:
        for _ in range(WINDOWS):
            end = min(self._cursor + BATCH, last)
            if end <= self._cursor:
                break
            news = self._fetch_news(f"{self._cursor + 1}:{end}")
            self._cursor = end
            if news:
                return news
        return []

    def _fetch_news(self, numbers: str) -> list[Fetched]:
        found = fetched(self._client.uid("FETCH", numbers, _NEWS), b"BODY[HEADER")
        # RFC 9051 6.4.9: n:* holds the newest message even when that lies below n.
        return sorted((each for each in found if each.uid > self._cursor), key=lambda each: each.uid)

    def _highest(self) -> int:
        if not self._arrivals.count:
            return self._cursor
        return max(uids(self._client.uid("FETCH", "*", "(UID)")), default=self._cursor)

    def _letters(self, news: list[Fetched]) -> list[Letter]:
        now = self._clock.now()
        bodies = self._bodies([each.uid for each in news if wants_body(each.part)])
        return [
            Letter(
                place=self._place(self._uidvalidity, str(each.uid)),
                size=each.size,
                seen=self._arrivals.heard_of(each.number, now=now),
                internal_date=each.internal_date,
                header=each.part[:HEADER_CAP],
                body=bodies.get(each.uid, b"")[:BODY_CAP],
            )
            for each in news
        ]

    def _bodies(self, wanted: list[int]) -> dict[int, bytes]:
        if not wanted:
            return {}
        found = fetched(self._client.uid("FETCH", _listed(wanted), _BEGINNING), b"BODY[TEXT")
        return {each.uid: each.part for each in found}

    def _remove_batch(self, batch: list[int], present: dict[int, Place], ours: Verifier) -> list[int]:
        found = fetched(self._client.uid("FETCH", _listed(batch), _HEADER), b"BODY[HEADER")
        headers = {each.uid: each.part for each in found if each.uid in batch}
        doomed = [uid for uid in batch if uid in headers and ours(present[uid], headers[uid])]
        if doomed:
            self._client.uid("STORE", _listed(doomed), r"+FLAGS.SILENT (\Deleted)")
            self._expunge(doomed)
        return [uid for uid in batch if uid not in headers or uid in doomed]

    def _expunge(self, doomed: list[int]) -> None:
        if self._client.has_capability("UIDPLUS") or self._client.has_capability("IMAP4REV2"):
            self._client.uid("EXPUNGE", _listed(doomed))
        elif not self._warned:
            self._warned = True
            log.warning(
                "mailbox server cannot expunge by UID: messages stay, flagged as deleted",
                extra={"server": self._server},
            )


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _listed(uids: list[int]) -> str:
    return ",".join(map(str, uids))


def _batches(uids: list[int]) -> Iterator[list[int]]:
    return (uids[start : start + BATCH] for start in range(0, len(uids), BATCH))
