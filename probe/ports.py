"""What the engine asks of the world: Protocols whose docstrings are the contract that every adapter keeps."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from probe.model.certificate import Shown
from probe.model.letter import Folder, Letter, Place, Sighting
from probe.model.message import Envelope
from probe.model.oauth import Grant
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Probe, Record
from probe.model.reply import Attempt, Exchange
from probe.model.report import Report
from probe.model.secret import Secret
from probe.model.settings import Member, SmtpSettings
from probe.model.tls_findings import Published
from probe.model.tls_seen import TlsSeen
from probe.model.trouble import Quota, Trouble, TroubleKind
from probe.model.verdict import Verdict


class Clock(Protocol):
    """Time, so that rules are tested without sleeping."""

    def now(self) -> datetime:
        """Return the time of day in UTC; differences are true, but over what ``stepped`` tells of."""

    def stepped(self) -> timedelta:
        """Return by how much the wall clock was set since this was asked last, and follow it; mostly by nothing."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds; at once, but not without a turn of the loop, for 0 and less."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, or after so many seconds."""


class Sender(Protocol):
    """Hands messages to members."""

    async def send(
        self,
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        until: datetime,
        ready: Callable[[], None],
    ) -> Attempt:
        """Run one full SMTP transaction and say what it came to; never later than ``until``, and never raise.

        Whatever a server does is an Attempt; only cancellation comes out as an exception. After cancellation the
        connection is closed. ``ready`` is called as soon as the next message to the same member may be handed over,
        to follow over the same connection; where connections are not kept, never.
        """

    async def close(self) -> None:
        """Take leave of the members whose connections were kept, soon in any case; never raise."""


class Enquirer(Protocol):
    """Asks members whether they would take mail."""

    async def ask(self, member: Member, envelope: Envelope, *, settings: SmtpSettings, until: datetime) -> Attempt:
        """Ask by MAIL and RCPT, then RSET and QUIT, never DATA; never later than ``until``, and never raise.

        An acceptance ends at the stage rcpt; whatever else a server does is an Attempt, too. Only cancellation comes
        out as an exception. After cancellation the connection is closed.
        """


class TokenTrouble(Exception):
    """There is no token to log in with; the message says why, in one sentence without secrets."""


class Tokens(Protocol):
    """Gives out the tokens that are shown in place of passwords, to any thread and any loop."""

    def token(self, grant: Grant) -> Secret:
        """Return a token that is good now; blocks, for a bounded time, while one is fetched. Raises TokenTrouble."""

    async def fetched(self, grant: Grant) -> Secret:
        """Return a token as ``token`` does, without blocking the loop. Raises TokenTrouble."""

    def refused(self, grant: Grant) -> None:
        """Hear that a server did not take the token: it is fetched anew, but not again and again."""

    def expiry(self, grant: Grant) -> datetime | None:
        """Return when the token expires that is held now; None if none is."""


class MailboxTrouble(Exception):
    """A mailbox cannot be read; the message says why, in one sentence."""

    def __init__(self, why: str, kind: TroubleKind = TroubleKind.OTHER) -> None:
        super().__init__(why)
        self.kind = kind


class MailboxBusy(MailboxTrouble):
    """Somebody else holds the mailbox (RFC 2449 8.1.2): contention, not an outage."""

    def __init__(self, why: str) -> None:
        super().__init__(why, TroubleKind.LOCKED)


Gap = tuple[int, int]
"""From one UID to another, both included."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a folder has been read: everything up to here is known, but for the gaps."""

    validity: int
    uid: int
    gaps: tuple[Gap, ...] = ()
    """What has not been read yet, the oldest first."""


@dataclass(frozen=True, slots=True)
class News:
    """What one complete reading of a folder brought."""

    letters: Sequence[Letter]
    mark: Mark | None
    """To be remembered once the letters are in the ledger; None where the protocol has no such thing (POP3)."""
    messages: int
    """How many messages the folder holds."""
    rescan: bool = False
    """The folder was renumbered (UIDVALIDITY): letters may be old ones, seen again."""
    more: bool = False
    """There are further new letters: read again at once."""
    backlog: int = 0
    """How many older messages are left, at most; further readings bring them, the newest first, after any news."""
    since: datetime | None = None
    """Since when nothing came that is among those; None without a backlog."""
    troubles: tuple[Trouble, ...] = ()
    """What is wrong though the folder can be read."""
    quota: Quota | None = None
    """How full the mailbox is; None where its server does not tell, or not in this folder."""


class FolderReader(Protocol):
    """One session that reads one folder of a mailbox; not to be shared by tasks."""

    pace: timedelta
    """The shortest distance between two readings that the protocol bears."""

    async def open(self, mark: Mark | None, *, since: datetime) -> None:
        """Connect, log in and open the folder read-only.

        Without a mark, or where the folder was renumbered since, messages delivered before the day of ``since``
        are passed over. Raises MailboxTrouble.
        """

    async def read(self) -> News:
        """Fetch what is new since the last reading: headers, and how bodies begin of what may be ours, or a bounce.

        Bounded in number and size, never marks anything as seen. Raises MailboxTrouble, after which the
        session must be closed.
        """

    async def wait(self, longest: timedelta) -> None:
        """Return when the server says that something changed, when woken, or after ``longest``.

        Raises MailboxTrouble.
        """

    def wake(self) -> None:
        """Make a wait that goes on, or the next one, return at once."""

    async def remove(self, places: Sequence[Place], *, ours: "Verifier") -> Sequence[Place]:
        """Delete messages for which ``ours`` still holds when they are read again; return those gone.

        By UID EXPUNGE, or by DELE and QUIT; no other message is touched, flagged or marked. A place whose
        validity is no longer the folder's counts as gone. Raises MailboxTrouble.
        """

    async def close(self) -> None:
        """Log out if that is quick, and free everything; never raise."""


class Verifier(Protocol):
    """Says whether a message is the one it was taken for."""

    def __call__(self, place: Place, header: bytes, body: bytes) -> bool:
        """Tell whether the message may be deleted from this place; of a body only that of a report was read."""


class MailboxAccess(Protocol):
    """A way into one mailbox."""

    async def folders(self) -> Mapping[Folder, str]:
        """Return which folders there are to watch, by their names on the server. Raises MailboxTrouble."""

    def reader(self, folder: Folder, name: str) -> FolderReader:
        """Return a reader of one folder, not yet open."""


class ReportReader(Protocol):
    """Understands what mail systems tell of a message by mail."""

    async def read(self, letter: Letter) -> Report | None:
        """Say what a report tells; None for one that nobody can make out.

        Bounded in time and memory whatever the letter holds, away from the event loop; never raises.
        """


class DiscoveryTrouble(Exception):
    """The members of a pool cannot be found now; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Found:
    """The members that were found, and how long that holds."""

    members: tuple[Member, ...]
    ttl: timedelta
    note: str | None = None
    """What an operator should know of the answer, in one sentence; a domain that takes no mail, for example."""


class Finder(Protocol):
    """Finds the members of a pool."""

    async def find(self) -> Found:
        """Look the members up. Raises DiscoveryTrouble, on which the last good set is kept."""


class TlsPolicies(Protocol):
    """Knows what domains publish about TLS to their exchangers, and what certificates are worth."""

    async def published(self, domain: str, servers: Collection[tuple[str, int]]) -> Published:
        """Look up MTA-STS (RFC 8461) and DANE (RFC 7672) for a domain and its servers, by host and port.

        What fails is a part of the answer: nothing is raised, and it takes no longer than half a minute.
        """

    def shown(self, seen: TlsSeen, *, ca_file: Path | None, now: datetime) -> Shown | None:
        """Verify the chain that a server showed; None where it showed none that can be read."""


class LedgerTrouble(Exception):
    """The ledger cannot be written or read; nothing may be sent. The message says why, in one sentence."""


class Sighted(StrEnum):
    """What a message that was seen is to its probe."""

    ARRIVAL = "arrival"
    """The first copy, and the probe is open."""
    LATE = "late"
    """The first copy, after the deadline: the probe ended as missing or unknown, or is about to."""
    AFTER_REFUSAL = "after_refusal"
    """The first copy, though the message had bounced, the member had refused it or was out of reach."""
    DUPLICATE = "duplicate"
    """A further copy."""
    KNOWN = "known"
    """The same message as before, read again."""
    BOUNCE = "bounce"
    """The first report that the message cannot be delivered, and the probe is open."""
    LATE_BOUNCE = "late_bounce"
    """The first such report, after the probe ended as missing or unknown."""
    REPORT = "report"
    """Any other report: of a delay, of what already bounced, or of what had ended in another way."""
    NOT_OURS = "not_ours"
    """No such probe, or not in this mailbox, or too late to be believed."""


class Tally(StrEnum):
    """What is counted for ever, per instance, pool, member and route."""

    STARTED = "started"
    OUTCOME = "outcome"
    FAILED = "failed"
    LATE = "late"
    DUPLICATE = "duplicate"
    LATE_BOUNCE = "late_bounce"
    RETRY = "retry"
    SKIPPED = "skipped"
    PATH_CHANGED = "path_changed"


@dataclass(frozen=True, slots=True)
class Total:
    """One counted number."""

    pool: str
    member: str
    route: str
    tally: Tally
    outcome: Outcome | None
    """For Tally.OUTCOME only."""
    count: int


@dataclass(frozen=True, slots=True)
class Event:
    """A line in the life of a probe."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Life:
    """All that the ledger knows of one probe, for explaining it."""

    record: Record
    events: Sequence[Event]
    transcripts: Sequence[Sequence[Exchange]]
    """One per attempt."""


LONGEST_PAGE = 1000
"""How many probes a page has at most."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which probes are asked for; None asks for all."""

    pool: str | None = None
    member: str | None = None
    route: str | None = None
    outcome: Outcome | None = None
    limit: int = 100
    before: str | None = None
    """The cursor of the page before."""


@dataclass(frozen=True, slots=True)
class Page:
    """Probes, newest first, and the cursor of the next page."""

    records: Sequence[Record]
    next: str | None


class Ledger(Protocol):
    """Holds every probe until it has exactly one outcome, and keeps the books.

    Every change is committed when its method returns, and every method may raise LedgerTrouble.
    """

    async def claim(self, probe: Probe) -> bool:
        """Write a probe down before its first byte is sent; False if its route, member and slot are taken."""

    async def begin_retry(self, probe_id: str) -> bool:
        """Take a due retry upon oneself before its first byte is sent.

        What the attempt before came to is forgotten, so that a crash leaves the probe as one whose sending was
        cut off. False if it is closed, or no retry is due: somebody else may have taken it.
        """

    async def leave_out_retry(self, probe_id: str, why: Event) -> bool:
        """Try a probe no more, and note why; False if it is closed, or no retry is due.

        What the last attempt came to stays: it decides.
        """

    async def note(self, probe_id: str, event: Event) -> None:
        """Write down a line in the life of a probe that nothing else tells of; nothing for one that is forgotten."""

    async def record_attempt(self, probe_id: str, attempt: Attempt, *, next_attempt: datetime | None) -> None:
        """Write down what an attempt came to, and when the next one is due, if there is one."""

    async def sight(self, sighting: Sighting, *, rescan: bool) -> tuple[Sighted, Record | None]:
        """Write down a message that was found, or a report about one, count it as what it is, and return its probe.

        Idempotent by place. A message is looked for in the probe's mailbox, a report where its bounces come to.
        With ``rescan`` a message of a probe that was seen in this folder before is taken for that same message
        under a new number.
        """

    async def close(self, probe_id: str, judgement: Judgement, *, at: datetime) -> Record | None:
        """Give a probe its one outcome; the record for the one caller that did it, None for all others."""

    async def outstanding(self) -> Sequence[Record]:
        """Return the probes that have no outcome yet, whichever process started them."""

    async def record(self, probe_id: str) -> Record | None:
        """Return a probe."""

    async def life(self, probe_id: str) -> Life | None:
        """Return a probe with its events and transcripts."""

    async def probes(self, query: Query) -> Page:
        """Return probes, newest first. Raises ValueError for a cursor that is none."""

    async def recent(self, per_member: int, *, since: datetime) -> Sequence[Record]:
        """Return the newest finished probes of each route and member, oldest first."""

    async def totals(self) -> Sequence[Total]:
        """Return what this instance has counted since its ledger was made."""

    async def count(self, pool: str, member: str, route: str, tally: Tally) -> None:
        """Count one more of what no other method counts (SKIPPED)."""

    async def mark(self, mailbox: str, folder: Folder) -> Mark | None:
        """Return how far a folder has been read."""

    async def set_mark(self, mailbox: str, folder: Folder, mark: Mark) -> None:
        """Remember how far a folder has been read."""

    async def removable(self, mailbox: str, folder: Folder, *, seen_before: datetime, limit: int) -> Sequence[Sighting]:
        """Return messages in a folder that may be deleted: of settled probes, seen before then, not yet gone."""

    async def lying(self, mailbox: str, folder: Folder) -> int:
        """Return how many messages of ours lie in a folder, as far as is known."""

    async def removed(self, places: Sequence[Place]) -> None:
        """Remember that messages are gone from their places."""

    async def verdicts(self) -> Mapping[tuple[str, str], Verdict]:
        """Return the last verdict of each pool and member."""

    async def set_verdict(self, pool: str, member: str, verdict: Verdict) -> None:
        """Remember a verdict."""

    async def tag_key(self) -> bytes:
        """Return the key that is kept in the ledger, made on first use."""

    async def prune(self, *, finished_before: datetime) -> int:
        """Forget probes that ended before then and all about them, totals excepted; return how many."""

    async def close_books(self) -> None:
        """Finish what is being written and let go of the database."""
