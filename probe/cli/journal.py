"""The journal: what happens, as log lines for the operator of a daemon."""

import logging

from probe.engine.happenings import (
    DeletionRefused,
    DiscoveryFailed,
    Ended,
    FolderRead,
    Happening,
    Judged,
    LedgerFailed,
    LedgerWorks,
    MailboxFailed,
    MailboxInUse,
    MembersKnown,
    Seen,
    SharedFault,
)
from probe.model.hold import Hold
from probe.model.letter import Folder
from probe.model.outcome import State
from probe.model.probe import Record
from probe.model.settings import MemberKey
from probe.model.trouble import TroubleKind
from probe.model.verdict import Verdict
from probe.ports import Sighted

log = logging.getLogger("mailflow")


class Journal:
    """Log what an operator wants to find again; a Reporter. A failed probe is information: it has its metric."""

    def __init__(self) -> None:
        self._failed_mailboxes: dict[str, TroubleKind] = {}
        self._troubles: dict[tuple[str, Folder], frozenset[TroubleKind]] = {}
        self._spared: set[tuple[str, Folder]] = set()
        self._members: dict[str, MembersKnown] = {}
        self._holds: dict[MemberKey, Hold] = {}
        self._in_maintenance: set[MemberKey] = set()

    def __call__(self, happening: Happening) -> None:
        """Log a happening, if it is one of those."""
        match happening:
            case Ended(record):
                log.info("probe ended", extra=_probe_fields(record))
            case Seen(record, sighting, what) if sighting.findings.changes and what is not Sighted.DUPLICATE:
                fields = {"pool": record.probe.pool, "member": record.probe.member, "route": record.probe.route}
                changes = "; ".join(sighting.findings.changes)
                log.info("the path changed", extra=fields | {"probe": record.probe.id, "reason": changes})
            case Judged():
                self._judged(happening)
            case SharedFault(pool, route, shared, blame):
                culprit = blame.culprit.value if blame else None
                told = {"pool": pool, "route": route, "shared": shared, "culprit": culprit, "side": happening.side}
                log.log(logging.WARNING if shared else logging.INFO, "shared fault", extra=told)
            case MailboxFailed(mailbox, reason, kind):
                self._mailbox_failed(mailbox, reason, kind)
            case FolderRead(mailbox=mailbox):
                if self._failed_mailboxes.pop(mailbox, None):
                    log.info("mailbox is readable again", extra={"mailbox": mailbox})
                self._troubled(happening)
            case DeletionRefused():
                self._deletion(happening)
            case DiscoveryFailed(pool, reason):
                log.warning("members could not be looked up", extra={"pool": pool, "reason": reason})
            case MailboxInUse(mailbox, reason):
                log.info("mailbox is in use by somebody else", extra={"mailbox": mailbox, "reason": reason})
            case MembersKnown() if self._members.get(happening.pool) != happening:
                self._members[happening.pool] = happening
                names = " ".join(member.name for member in happening.members)
                log.info("members", extra={"pool": happening.pool, "members": names, "note": happening.note})
            case LedgerFailed(reason):
                log.error("the ledger fails; nothing is sent", extra={"reason": reason})
            case LedgerWorks():
                log.info("the ledger works again")
            case _:
                pass

    def _judged(self, judged: Judged) -> None:
        verdict, before = judged.verdict, judged.before
        fields = {"pool": judged.pool, "member": judged.member, "verdict": verdict.state.value}
        self._overruled((judged.pool, judged.member), verdict, fields)
        if before and before.state is not verdict.state:
            level = logging.WARNING if verdict.state is State.DOWN else logging.INFO
            log.log(level, "verdict changed", extra=fields | {"reason": verdict.reason})

    def _overruled(self, member: MemberKey, verdict: Verdict, fields: dict[str, str]) -> None:
        hold, last = verdict.hold, self._holds.pop(member, None)
        if hold:
            self._holds[member] = hold
            if hold != last:
                log.warning("verdict is held by hand", extra=fields | {"reason": hold.sentence})
        elif last:
            log.warning("verdict is held no more", extra=fields | {"reason": verdict.reason})
        if verdict.maintenance and member not in self._in_maintenance:
            self._in_maintenance.add(member)
            log.info("maintenance begins", extra=fields | {"reason": verdict.maintenance.sentence})
        elif not verdict.maintenance and member in self._in_maintenance:
            self._in_maintenance.remove(member)
            log.info("maintenance is over", extra=fields | {"reason": verdict.reason})

    def _troubled(self, read: FolderRead) -> None:
        known = self._troubles.get((read.mailbox, read.folder), frozenset())
        kinds = frozenset(trouble.kind for trouble in read.troubles)
        for trouble in read.troubles:
            if trouble.kind not in known:
                fields = {"mailbox": read.mailbox, "kind": trouble.kind.value, "reason": trouble.text}
                log.warning("mailbox is in trouble, but can be read", extra=fields)
        for over in sorted(known - kinds):
            log.info("trouble of a mailbox is over", extra={"mailbox": read.mailbox, "kind": over.value})
        self._troubles[read.mailbox, read.folder] = kinds

    def _deletion(self, told: DeletionRefused) -> None:
        folder = told.mailbox, told.folder
        fields = {"mailbox": told.mailbox, "folder": told.folder.value, "foreign": told.foreign}
        if told.refused and folder not in self._spared:
            self._spared.add(folder)
            log.warning("folder looks like a person's: nothing is deleted from it", extra=fields)
        elif not told.refused and folder in self._spared:
            self._spared.remove(folder)
            log.info("folder is tidied again", extra=fields)

    def _mailbox_failed(self, mailbox: str, reason: str, kind: TroubleKind) -> None:
        # Not whenever its words change: servers put times and numbers into them.
        if self._failed_mailboxes.get(mailbox) is not kind:
            self._failed_mailboxes[mailbox] = kind
            fields = {"mailbox": mailbox, "kind": kind.value, "reason": reason}
            log.warning("mailbox cannot be read", extra=fields)


def _probe_fields(record: Record) -> dict[str, str | float | None]:
    probe, judgement = record.probe, record.judgement
    delivery = record.delivery_time
    return {
        "pool": probe.pool,
        "member": probe.member,
        "route": probe.route,
        "probe": probe.id,
        "outcome": judgement.outcome.value if judgement else None,
        "delivery_seconds": round(delivery.total_seconds(), 3) if delivery else None,
        "reason": judgement.reason if judgement else None,
    }
