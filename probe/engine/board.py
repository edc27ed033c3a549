"""The board: what is known now, kept in memory for all who only read: health, metrics, pages, progress."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from probe.engine.figures import MailboxFigures, MemberFigures, PathFigures, forgettable
from probe.engine.happenings import (
    Attempted,
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
    SetbacksChanged,
    SharedFault,
    Skipped,
    Started,
    Stranger,
    TlsJudged,
)
from probe.engine.mailbox_board import MailboxBoard
from probe.engine.snapshot import Snapshot
from probe.engine.strips import Strips
from probe.model.answer import Answer, answer
from probe.model.outcome import OF_ASKING, OF_SENDING, Outcome, State
from probe.model.probe import PathKey, Probe, Record
from probe.model.setbacks import Setback
from probe.model.settings import MemberKey, Settings
from probe.model.tls_findings import Finding, TlsFindings
from probe.model.verdict import NO_OPINION, Verdict
from probe.ports import Sighted, Tally, Total


class Board:
    """Keep what is known; told of every happening, asked by everybody."""

    def __init__(self, settings: Settings, *, now: datetime) -> None:
        self.settings = settings
        self._since = now
        self._paths: dict[PathKey, PathFigures] = {}
        self._own: set[PathKey] = set()
        """The paths whose figures no snapshot holds."""
        self._members: dict[str, dict[str, MemberFigures]] = {name: {} for name in settings.pools}
        self._mailboxes = MailboxBoard(settings.mailboxes)
        self._setbacks: dict[MemberKey, tuple[Setback, ...]] = {}
        self._state_changes: Counter[MemberKey] = Counter()
        self._open: set[str] = set()
        self.strips = Strips()
        self.discovery: dict[str, str] = {}
        """Per pool, what an operator should know of how its members were found."""
        self.tls_findings: dict[str, tuple[Finding, ...]] = {}
        """Per pool of exchangers, what there is to say about the TLS that their domain asks for."""
        routes = settings.routes.values()
        self._faults = {(route.pool, route.name): SharedFault(route.pool, route.name, False) for route in routes}
        """Per pool and route, what is to blame where it works for no member, or nobody can tell of any."""
        self.ledger_trouble: str | None = None
        self.restored = False
        """Whether what was counted before is known."""
        self.released = False
        """Whether the probe is being stopped, and keeps nobody out of service any more."""
        for pool in settings.pools.values():
            if pool.mail_domain:
                self.tls_findings[pool.name] = ()
            if pool.discovery is None:
                self._members_known(MembersKnown(pool.name, pool.members))

    def restore(self, totals: Iterable[Total], recent: Iterable[Record], outstanding: Iterable[Record]) -> None:
        """Take up what was counted before a restart: the totals, the newest finished probes, those in flight."""
        for total in totals:
            if total.tally is Tally.STATE_CHANGED:
                self._state_changes[total.pool, total.member] = total.count
            else:
                self.path(total.pool, total.member, total.route).restore(total)
        for record in recent:
            self._last(record)
        self.restored = True
        # Probes of other instances are in their totals, not in these.
        self._open = {record.probe.id for record in outstanding if record.probe.instance == self.settings.instance}

    def __call__(self, happening: Happening) -> None:
        """Take note of what happens; a Reporter."""
        match happening:
            case MembersKnown():
                self._members_known(happening)
            case DiscoveryFailed(pool, reason):
                self.discovery[pool] = reason
            case Started(probe):
                self._started(probe)
            case Skipped(pool, member, route):
                self.path(pool, member, route).skipped += 1
            case Attempted():
                self._attempted(happening)
            case Seen():
                self._seen(happening)
            case Ended(record):
                self._ended(record)
            case FolderRead() | MailboxFailed() | MailboxInUse() | DeletionRefused() | Stranger():
                self._mailboxes(happening)
            case Judged():
                self._judged(happening)
            case SharedFault(pool, route):
                self._faults[pool, route] = happening
            case SetbacksChanged():
                self._setbacks_changed(happening)
            case TlsJudged(pool, findings):
                self._tls_judged(pool, findings)
            case LedgerFailed(reason):
                self.ledger_trouble = reason
            case LedgerWorks():
                self.ledger_trouble = None
            case _:
                assert_never(happening)

    def snapshot(self, now: datetime) -> Snapshot:
        """Return all of it at one moment, unchanging, so that another thread may render it.

        Figures of paths are copied when they change next, and not here: thousands of copies would hold up the loop.
        """
        self._own.clear()
        return Snapshot(
            now,
            self._paths.copy(),
            {(pool, name): figures for pool, members in self._members.items() for name, figures in members.items()},
            self._state_changes.copy(),
            self._mailboxes.snapshot(),
            {route: fault.shared for route, fault in self._faults.items()},
            tuple(self.settings.routes.values()),
            {pool: self.guarded(pool) for pool in self._members},
            {member: len(setbacks) for member, setbacks in self._setbacks.items()},
            ledger_works=self.ledger_trouble is None,
        )

    def path(self, pool: str, member: str, route: str) -> PathFigures:
        """Return the figures of a member on a route, to be changed at will; made where there are none yet."""
        key = pool, member, route
        if key not in self._own:
            self._own.add(key)
            known = self._paths.get(key)
            self._paths[key] = known.copy() if known else self._blank(route)
        return self._paths[key]

    def members(self, pool: str) -> Mapping[str, MemberFigures]:
        """Return the members of a pool by name; raises KeyError for a pool that is not configured."""
        return self._members[pool]

    def verdict(self, pool: str, member: str) -> Verdict:
        """Return the verdict on a member; raises KeyError for one that does not exist."""
        return self._members[pool][member].verdict or Verdict(State.UNKNOWN, NO_OPINION.reason, self._since)

    def answer(self, pool: str, member: str) -> Answer:
        """Return what load balancers are answered about a member; raises KeyError for one that does not exist."""
        figures, unknown_is = self._members[pool][member], self.settings.health.unknown_is
        said = answer(
            self.verdict(pool, member),
            unknown_is=unknown_is,
            last=figures.held,
            by_hand=figures.by_hand,
            released=self.released,
        )
        # Right after the start it is not known yet what was said before it.
        return said if figures.verdict else replace(said, unchanged=True)

    @property
    def keeps_out(self) -> bool:
        """Tell whether load balancers are answered that some member may get no mail."""
        return not all(
            self.answer(pool, name).in_service for pool, members in self._members.items() for name in members
        )

    def setbacks(self, pool: str, member: str) -> Sequence[Setback]:
        """Return what is remembered of a member for the sake of retries."""
        return self._setbacks.get((pool, member), ())

    def faults_of(self, pool: str) -> Iterator[SharedFault]:
        """Yield what is to blame on the routes of a pool."""
        return (fault for fault in self._faults.values() if fault.pool == pool)

    def guarded(self, pool: str) -> int:
        """Return how many members of a pool failed and are kept up."""
        return sum(bool(figures.verdict and figures.verdict.guarded) for figures in self._members[pool].values())

    def mailbox(self, name: str) -> MailboxFigures:
        """Return what is known of a mailbox; raises KeyError for one that is not configured."""
        return self._mailboxes[name]

    @property
    def ready(self) -> bool:
        """Tell whether the ledger was read and works, and every mailbox was tried once."""
        return self.restored and self.ledger_trouble is None and self._mailboxes.tried

    def _blank(self, route: str) -> PathFigures:
        asked = self.settings.routes.get(route)
        outcomes = OF_ASKING if asked and asked.only_asks else OF_SENDING
        return PathFigures(outcomes=dict.fromkeys(outcomes, 0))

    def _members_known(self, known: MembersKnown) -> None:
        before = self._members[known.pool]
        blank = () if known.pool in self.tls_findings else None
        self._members[known.pool] = {
            member.name: replace(before.get(member.name, MemberFigures(member, findings=blank)), member=member)
            for member in known.members
        }
        self.strips.keep(known.pool, self._members[known.pool].keys())
        for member in known.members:
            for route in self.settings.routes_of(known.pool):
                self.path(known.pool, member.name, route.name)
        for path in forgettable(self._paths, known.pool, self._members[known.pool]):
            del self._paths[path]
            self._own.discard(path)
        if known.note:
            self.discovery[known.pool] = known.note
        else:
            self.discovery.pop(known.pool, None)

    def _started(self, probe: Probe) -> None:
        self._open.add(probe.id)
        self.path(*probe.key).started += 1

    def _attempted(self, attempted: Attempted) -> None:
        probe, attempt = attempted.probe, attempted.attempt
        figures = self.path(*probe.key)
        figures.stages = dict(attempt.stages)
        figures.retries += attempted.number > 1
        if attempt.accepted is not None:
            figures.acceptance.observe(max(attempt.accepted - probe.started, timedelta(0)))
        if attempt.note:
            self.discovery[probe.pool] = attempt.note
        if attempt.smtp_time is not None:
            figures.smtp.observe(attempt.smtp_time)
        member = self._members.get(probe.pool, {}).get(probe.member)
        if member and (attempt.certificate_expiry or attempt.tls.injected):
            self._members[probe.pool][probe.member] = replace(
                member,
                certificate_expiry=attempt.certificate_expiry or member.certificate_expiry,
                starttls_injections=member.starttls_injections + attempt.tls.injected,
            )

    def _seen(self, seen: Seen) -> None:
        figures = self.path(*seen.record.probe.key)
        figures.late += seen.what is Sighted.LATE
        figures.duplicates += seen.what is Sighted.DUPLICATE
        figures.late_bounces += seen.what is Sighted.LATE_BOUNCE
        figures.path_changes += bool(seen.sighting.findings.changes) and seen.what is not Sighted.DUPLICATE
        if seen.sighting.report is None:
            figures.hops = seen.sighting.hops
            figures.authentication = seen.sighting.findings.authentication

    def _ended(self, record: Record) -> None:
        self._last(record)
        if record.probe.instance == self.settings.instance:
            self._count_end(record)

    def _count_end(self, record: Record) -> None:
        probe, judgement = record.probe, record.judgement
        assert judgement is not None
        if probe.id not in self._open:
            self._started(probe)  # by another process of this instance
        self._open.remove(probe.id)
        figures = self.path(*probe.key)
        # A route may have changed what it does while the probe was in flight.
        figures.outcomes[judgement.outcome] = figures.outcomes.get(judgement.outcome, 0) + 1
        figures.failures += not record.succeeded and judgement.outcome is not Outcome.UNKNOWN
        if judgement.outcome is Outcome.DELIVERED and record.delivery_time is not None:
            figures.delivery.observe(record.delivery_time)

    def _last(self, record: Record) -> None:
        self.strips.add(record)
        figures = self.path(*record.probe.key)
        figures.success = record.succeeded
        figures.last_probe = record.finished
        if record.judgement and record.judgement.outcome is Outcome.DELIVERED and record.arrival:
            figures.last_delivery = record.arrival.seen

    def _setbacks_changed(self, changed: SetbacksChanged) -> None:
        # Not of members: those from before a restart may not have been discovered yet.
        self._setbacks.pop((changed.pool, changed.member), None)
        if changed.setbacks:
            self._setbacks[changed.pool, changed.member] = changed.setbacks

    def _tls_judged(self, pool: str, findings: TlsFindings) -> None:
        self.tls_findings[pool] = findings.domain
        for name, of_member in findings.servers.items():
            if figures := self._members[pool].get(name):
                self._members[pool][name] = replace(figures, findings=of_member)

    def _judged(self, judged: Judged) -> None:
        figures = self._members[judged.pool].get(judged.member)
        if figures is None:
            return
        if judged.before is not None and judged.before.state is not judged.verdict.state:
            self._state_changes[judged.pool, judged.member] += 1
        self._members[judged.pool][judged.member] = figures.judged(judged.verdict, judged.before)
