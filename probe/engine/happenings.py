"""What happens while the engine runs, as values handed to every reporter alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from probe.model.culprit import Blame
from probe.model.letter import Folder, Kind, Sighting
from probe.model.probe import Probe, Record
from probe.model.reply import Attempt
from probe.model.setbacks import Setback
from probe.model.settings import Member
from probe.model.tls_findings import TlsFindings
from probe.model.trouble import Quota, Trouble, TroubleKind
from probe.model.verdict import Verdict
from probe.ports import Sighted


@dataclass(frozen=True, slots=True)
class MembersKnown:
    """The members of a pool are these, from now on."""

    pool: str
    members: tuple[Member, ...]
    note: str | None = None
    """What an operator should know of the discovery."""


@dataclass(frozen=True, slots=True)
class DiscoveryFailed:
    """The members of a pool could not be looked up; the last good set is kept."""

    pool: str
    reason: str


@dataclass(frozen=True, slots=True)
class Started:
    """A probe is in the ledger and about to be sent."""

    probe: Probe


@dataclass(frozen=True, slots=True)
class Skipped:
    """A turn was left out, because the member's previous transaction still went on or a cap was reached."""

    pool: str
    member: str
    route: str


@dataclass(frozen=True, slots=True)
class Attempted:
    """An SMTP transaction ended."""

    probe: Probe
    attempt: Attempt
    number: int
    """1 for the first try."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of ours was found in a mailbox."""

    record: Record
    sighting: Sighting
    what: Sighted


@dataclass(frozen=True, slots=True)
class Stranger:
    """A message that is none of ours, or pretends to be, was found in a mailbox."""

    mailbox: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Ended:
    """A probe got its one outcome."""

    record: Record


@dataclass(frozen=True, slots=True)
class FolderRead:
    """A folder of a mailbox was read completely, but for a backlog of older messages."""

    mailbox: str
    folder: Folder
    at: datetime
    messages: int
    backlog: int = 0
    since: datetime | None = None
    """Since when nothing came that is in the backlog."""
    troubles: tuple[Trouble, ...] = ()
    """What is wrong though it can be read."""
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class MailboxFailed:
    """A mailbox cannot be read."""

    mailbox: str
    reason: str
    kind: TroubleKind = TroubleKind.OTHER


@dataclass(frozen=True, slots=True)
class MailboxInUse:
    """A mailbox is held by somebody else for now: contention, not an outage."""

    mailbox: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeletionRefused:
    """Whether nothing is deleted from a folder, because it holds too much that is not ours."""

    mailbox: str
    folder: Folder
    foreign: int
    """So many messages of others; 0 where there are not too many."""
    refused: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a member, new or not; ``before`` is None for the first one."""

    pool: str
    member: str
    verdict: Verdict
    before: Verdict | None


@dataclass(frozen=True, slots=True)
class TlsJudged:
    """What there is to say about the TLS of the exchangers of a pool, new or not."""

    pool: str
    findings: TlsFindings


@dataclass(frozen=True, slots=True)
class SharedFault:
    """Whether it works for no member of a pool on a route."""

    pool: str
    route: str
    shared: bool
    blame: Blame | None = None
    """Who or what is to blame, also where nobody can tell of any member."""
    since: datetime | None = None
    """Since when that is to blame."""

    @property
    def side(self) -> str | None:
        """Return where to look, as a clause."""
        return self.blame.text if self.blame else None


@dataclass(frozen=True, slots=True)
class SetbacksChanged:
    """This is remembered of a member from now on."""

    pool: str
    member: str
    setbacks: tuple[Setback, ...]


@dataclass(frozen=True, slots=True)
class LedgerFailed:
    """The ledger cannot be written: nothing is sent until it can."""

    reason: str


@dataclass(frozen=True, slots=True)
class LedgerWorks:
    """The ledger can be written again."""


Happening = (
    MembersKnown
    | DiscoveryFailed
    | Started
    | Skipped
    | Attempted
    | Seen
    | Stranger
    | Ended
    | FolderRead
    | MailboxFailed
    | MailboxInUse
    | DeletionRefused
    | Judged
    | SharedFault
    | SetbacksChanged
    | TlsJudged
    | LedgerFailed
    | LedgerWorks
)

Reporter = Callable[[Happening], None]
"""Told of everything that happens, in order, on the event loop; must be quick and must not raise."""
