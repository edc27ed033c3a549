"""One folder of an IMAP mailbox, read by one thread: the blocking side of the reader."""

import contextlib
import imaplib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from imapclient.exceptions import IMAPClientError

from probe.mailbox.arrivals import Arrivals
from probe.mailbox.backlog import Backlog, Unread
from probe.mailbox.bell import Bell
from probe.mailbox.credentials import Credentials
from probe.mailbox.fetched import Fetched, fetched, uids
from probe.mailbox.imap_beginning import SEARCHES, last_before
from probe.mailbox.imap_bodies import beginnings
from probe.mailbox.imap_login import log_in
from probe.mailbox.imap_removing import Remover
from probe.mailbox.patience import Patience
from probe.mailbox.pushes import Pushes
from probe.mailbox.quota import QuotaWatch
from probe.mailbox.recognition import HEADER_CAP, affordable, wanted_octets
from probe.mailbox.trouble import text, translated
from probe.mailbox.wire import Wire
from probe.model.letter import Letter, Place
from probe.model.settings import ImapSettings
from probe.model.trouble import Quota, Trouble, TroubleKind
from probe.ports import Clock, Gap, MailboxTrouble, Mark, News, Verifier

BATCH = 250
"""Messages in one FETCH: beyond it nothing gets faster, and their headers fit under the cap of the wire."""
WINDOWS = 40
"""Batches of UIDs that one reading looks through when they are full of gaps."""
WITHOUT_IDLE = timedelta(seconds=30)

_NEWS = f"(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]<0.{HEADER_CAP}>)"


class ImapSession:
    """A logged-in session; every method may raise MailboxTrouble, after which it is of no more use."""

    def __init__(
        self,
        wire: Wire,
        settings: ImapSettings,
        *,
        credentials: Credentials,
        place: Callable[[int, str], Place],
        is_inbox: bool,
        longest_body: int,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._place = place
        self._is_inbox = is_inbox
        self._longest_body = longest_body
        self._clock = clock
        self._patience = patience
        self._server = settings.endpoint
        self._arrivals = Arrivals()
        self._backlog = Backlog()
        self._validity: int | None = None
        self._cursor = 0
        self._fresh = True
        self._rescan = False
        self._had_news = False
        with translated(self._server):
            self._client = log_in(wire, settings, credentials=credentials, heard=self._heard, patience=patience)
        self._remover = Remover(self._client, self._server)
        self._quota = QuotaWatch(self._client, clock)
        self._pushes = Pushes(worth_seconds=patience.push_seconds)

    def open(self, name: str, mark: Mark | None, *, since: datetime) -> None:
        """Open the folder read-only and decide where to begin."""
        self._name = name
        with self._operation():
            selected = self._select(read_only=True)
            if mark is not None and self._still_holds(mark, selected):
                self._cursor = mark.uid
                self._take_up(mark.gaps)
            else:
                self._rescan = mark is not None
                last = int(selected[b"UIDNEXT"]) - 1 if b"UIDNEXT" in selected else self._highest()
                # Nothing may lie further back that was seen before, unless it was seen under another number.
                searches = SEARCHES if self._rescan else 1
                self._cursor = last_before(self._client, since, last=last, searches=searches)
                # What arrived meanwhile was told with the reply to the search, and has to be counted.
                selected = self._select(read_only=True)
            self._count_unread(selected)

    def read(self) -> News:
        """Ask for news and fetch it, or a slice of the backlog; one round trip when there is neither."""
        begun = time.monotonic()
        with self._operation():
            if not self._fresh:
                self._client.noop()
                self._pushes.asked(news=self._arrivals.unread > 0)
            self._fresh = False
            letters, rescan = self._next_letters()
            quota = self._quota.now() if self._is_inbox else None
            return News(
                letters,
                Mark(self._uidvalidity, self._cursor, self._backlog.gaps),
                self._arrivals.count,
                rescan=rescan,
                more=self._arrivals.unread > 0,
                backlog=self._backlog.size,
                since=self._backlog.since,
                troubles=tuple(self._troubles(quota, time.monotonic() - begun)),
                quota=quota,
            )

    def wait(self, bell: Bell, longest: timedelta) -> None:
        """Return when the folder changes, the bell is rung, or after so long."""
        before = self._arrivals.changes
        with self._operation():
            if self._arrivals.unread or bell.rung():
                return
            offered = self._client.has_capability("IDLE")
            seconds = min(longest.total_seconds(), self._longest_wait(offered))
            begun = time.monotonic()
            pushed = self._client.watch(
                bell,
                seconds,
                changed=lambda: self._arrivals.changes != before,
                patience_seconds=self._patience.operation_seconds,
            )
            took = time.monotonic() - begun
            if offered:
                self._pushes.idled(took, told=pushed, cut_short=took < seconds)

    def remove(self, places: Sequence[Place], ours: Verifier) -> Sequence[Place]:
        """Delete by UID what is still ours, and open the folder read-only again."""
        with self._operation():
            stale = [place for place in places if place.validity != self._validity]
            present = {int(place.uid): place for place in places if place.validity == self._validity}
            if not present:
                return stale
            gone = self._remover.remove(present, ours) if self._may_write() else []
            self._count_unread(self._select(read_only=True))
            return [*stale, *gone]

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

    def _longest_wait(self, idle_is_offered: bool) -> float:
        if not idle_is_offered:
            return WITHOUT_IDLE.total_seconds()
        return self._patience.push_seconds if self._pushes.are_missing else math.inf

    def _troubles(self, quota: Quota | None, took: float) -> Iterator[Trouble]:
        if quota and quota.is_full:
            yield Trouble(TroubleKind.OVER_QUOTA, f"{self._server} has no room left for it: {quota} are used")
        if self._pushes.are_missing:
            said = f"{self._server} keeps IDLE open and pushes nothing: it is asked instead"
            yield Trouble(TroubleKind.IDLE_SILENT, said)
        if took > self._patience.slow_seconds:
            yield Trouble(TroubleKind.SLOW, f"{self._server} took {took:.1f} s to say what is new")

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
            said = f"{self._server} does not open the folder {self._name}: {text(str(exc))}"
            raise MailboxTrouble(said, TroubleKind.FOLDER_GONE) from exc
        self._validity = int(selected[b"UIDVALIDITY"])
        return selected

    def _may_write(self) -> bool:
        try:
            self._select(read_only=False)
        except imaplib.IMAP4.readonly:
            self._remover.may_not_write()
            return False
        return True

    def _count_unread(self, selected: dict[bytes, Any]) -> None:
        told = int(selected[b"EXISTS"])
        above = int(selected.get(b"UIDNEXT", self._cursor + told + 1)) - 1 - self._cursor
        # Mail may come between the numbers and the end of the reply: neither of them knows of it.
        count = self._arrivals.count
        unread = max(min(told, above), 0) + max(count - told, 0)
        self._arrivals.opened(count, unread=unread, now=self._clock.now())

    def _still_holds(self, mark: Mark, selected: dict[bytes, Any]) -> bool:
        # A folder restored from a backup gives numbers out again that it gave out before.
        rolled_back = int(selected.get(b"UIDNEXT", mark.uid + 1)) <= mark.uid
        return mark.validity == self._validity and not rolled_back

    def _take_up(self, gaps: Sequence[Gap]) -> None:
        for first, last in gaps:
            # A rescan may have been cut off.
            self._backlog.add(Unread(first, last, self._clock.now(), rescan=True))

    def _next_letters(self) -> tuple[list[Letter], bool]:
        """Return news first, but a slice of the backlog after each; and whether they may have been seen before."""
        unread = self._arrivals.unread
        if unread > BATCH:
            self._put_off(unread)
        elif unread and not (self._had_news and self._backlog.size):
            self._had_news = True
            return self._new_letters(unread)
        self._had_news = False
        return self._older_letters()

    def _put_off(self, unread: int) -> None:
        last = self._highest()
        self._backlog.add(Unread(self._cursor + 1, last, self._clock.now(), self._first_time()))
        self._cursor = max(self._cursor, last)
        self._arrivals.read(unread)

    def _new_letters(self, unread: int) -> tuple[list[Letter], bool]:
        # RFC 9051 6.4.9: n:* holds the newest message even when that lies below n.
        news = [each for each in self._fetch_news(f"{self._cursor + 1}:*") if each.uid > self._cursor]
        self._cursor = max([self._cursor, *(each.uid for each in news)])
        letters = self._letters(news)
        self._arrivals.read(unread)
        return letters, self._first_time()

    def _older_letters(self) -> tuple[list[Letter], bool]:
        for _ in range(WINDOWS):
            window = self._backlog.take(BATCH)
            if window is None:
                break
            news = self._fetch_news(f"{window.first}:{window.last}")
            if within := [each for each in news if window.first <= each.uid <= window.last]:
                return self._letters(within, heard=window.heard), window.rescan
        return [], False

    def _first_time(self) -> bool:
        rescan, self._rescan = self._rescan, False
        return rescan

    def _fetch_news(self, numbers: str) -> list[Fetched]:
        found = fetched(self._client.uid("FETCH", numbers, _NEWS), b"BODY[HEADER")
        return sorted(found, key=lambda each: each.uid)

    def _highest(self) -> int:
        if not self._arrivals.count:
            return self._cursor
        return max(uids(self._client.uid("FETCH", "*", "(UID)")), default=self._cursor)

    def _letters(self, news: list[Fetched], *, heard: datetime | None = None) -> list[Letter]:
        now = self._clock.now()
        wanted = affordable(
            {each.uid: wanted_octets(each.part, size=each.size, ours=self._longest_body) for each in news}
        )
        bodies = beginnings(self._client, wanted)
        return [
            Letter(
                place=self._place(self._uidvalidity, str(each.uid)),
                size=each.size,
                seen=heard or self._arrivals.heard_of(each.number, now=now),
                internal_date=each.internal_date,
                header=each.part[:HEADER_CAP],
                body=bodies.get(each.uid, b""),
                whole=each.uid in bodies and len(bodies[each.uid]) < wanted[each.uid],
            )
            for each in news
        ]
