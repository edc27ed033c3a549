"""What the engine asks of the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from probe.model.alarm import Alarm
from probe.model.history import Change
from probe.model.hold import Hold
from probe.model.letter import Folder, Place, Sighting
from probe.model.probe import Judgement, Probe, Record
from probe.model.reply import Attempt
from probe.model.settings import MemberKey
from probe.model.verdict import Verdict
from probe.ports.reading import Mark
from probe.ports.records import (
    CarriedForward,
    ChangeQuery,
    Changes,
    Event,
    Life,
    Movements,
    Page,
    Query,
    Sighted,
    Tally,
    Total,
)


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
        """Write down a line in the life of a probe that nothing else tells of; nothing for one that is over."""

    async def record_attempt(self, probe_id: str, attempt: Attempt, *, next_attempt: datetime | None) -> None:
        """Write down what an attempt came to, and when the next one is due, if there is one."""

    async def sight(self, sighting: Sighting, *, rescan: bool) -> tuple[Sighted, Record | None]:
        """Write down a message that was found, or a report about one, count it as what it is, and return its probe.

        Idempotent by place, and counted for the instance that was the first to find it. A message is looked for in the
        probe's mailbox, a report where its bounces come to.
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

    async def carried_forward(self, per_member: int, *, since: datetime) -> CarriedForward:
        """Return what a start takes up, all as it was at one moment.

        Finished probes: the newest of each route and member, but none that finished before ``since``.
        """

    async def movements(self, *, since: int) -> Movements:
        """Return which probes of other instances are open, and which of any were closed since a closing.

        Closings are counted in the order in which they become known, so that none is missed however clocks differ.
        """

    async def records(self, ids: Sequence[str]) -> Sequence[Record]:
        """Return those of these probes that there are, in this order."""

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

    async def holds(self) -> Mapping[MemberKey, Hold]:
        """Return the last hold on each member, whoever keeps it so; also those that ended, for a while."""

    async def set_hold(self, pool: str, member: str, hold: Hold) -> None:
        """Remember a hold, in place of the one before."""

    async def release(self, pool: str, member: str, *, by: str, at: datetime) -> Hold | None:
        """End the hold on a member; return it, or None where it is under none that lasts."""

    async def note_change(self, change: Change) -> None:
        """Write down a change of a verdict of this instance, and count it if it counts.

        Of each member so many are kept that its newest are there, and always the last.
        """

    async def changes(self, query: ChangeQuery) -> Changes:
        """Return changes of this instance's verdicts, newest first. Raises ValueError for a cursor that is none."""

    async def last_changes(self) -> Sequence[Change]:
        """Return the last change of this instance's verdict on each member."""

    async def turns(self, *, since: datetime) -> Mapping[MemberKey, Sequence[datetime]]:
        """Return when this instance called members up that were down since then, or the other way round.

        Oldest first; holds and their ends are no such turns.
        """

    async def alarms_told(self, endpoint: str) -> Sequence[Alarm]:
        """Return what an endpoint was told by this instance to be wrong, and not yet that it is over."""

    async def set_alarms_told(self, endpoint: str, alarms: Sequence[Alarm]) -> None:
        """Remember all that an endpoint was told to be wrong, in place of what it was before."""

    async def tag_key(self) -> bytes:
        """Return the key that is kept in the ledger, made on first use."""

    async def prune(self, *, finished_before: datetime) -> int:
        """Forget probes that ended before then and all about them, totals excepted; return how many.

        Changes of verdicts from before then go, too, but for the last one of each member, and holds that ended.
        """

    async def close_books(self) -> None:
        """Finish what is being written and let go of the database."""
