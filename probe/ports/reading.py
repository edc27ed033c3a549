"""What the engine asks of those who read mailboxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from probe.model.letter import Folder, Letter, Place
from probe.model.report import Report
from probe.model.trouble import Quota, Trouble, TroubleKind


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
