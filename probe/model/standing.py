"""How things stand, as a daemon tells it, and what a monitoring plug-in makes of that."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probe.model.outcome import Outcome, State
from probe.model.plugin import WORST_FIRST, Item, Range, Status


@dataclass(frozen=True, slots=True)
class PathStanding:
    """The last finished probe of a member on a route; nothing is known before the first."""

    route: str
    outcome: Outcome | None
    as_expected: bool
    delivery_seconds: float | None
    """None where that probe was not delivered."""


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """What is told about a member."""

    name: str
    """With its pool, as POOL/NAME."""
    verdict: State
    reason: str
    guarded: bool = False
    held: bool = False
    """By hand."""
    in_maintenance: bool = False
    evidence_age_seconds: float | None = None
    paths: tuple[PathStanding, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultStanding:
    """That a route works for no member of its pool."""

    route: str
    text: str
    """Where to look."""


@dataclass(frozen=True, slots=True)
class PoolStanding:
    """What is told about a pool; of its members perhaps only those that were asked for."""

    name: str
    members: tuple[MemberStanding, ...]
    mailboxes: tuple[str, ...] = ()
    """Those that the messages of its routes are looked for in."""
    shared_faults: tuple[FaultStanding, ...] = ()

    @property
    def rests(self) -> bool:
        """Tell whether all that is told of it is under maintenance."""
        return bool(self.members) and all(member.in_maintenance for member in self.members)


@dataclass(frozen=True, slots=True)
class MailboxStanding:
    """What is told about a mailbox."""

    name: str
    up: bool | None
    """None before it was tried."""
    unread_seconds: float | None = None
    """For how long it has not been read; None if it never was."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """For the delivery time in seconds."""

    warning: Range | None = None
    critical: Range | None = None

    def status(self, seconds: float) -> Status:
        """Return what a delivery time means."""
        if self.critical and self.critical.alerts(seconds):
            return Status.CRITICAL
        return Status.WARNING if self.warning and self.warning.alerts(seconds) else Status.OK


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not in order, or should be known."""

    status: Status
    what: str
    why: str = ""

    def told(self, *, others: int = 0) -> str:
        """Say it in words, and how many others there are."""
        more = f" (and {others} more)" if others else ""
        return f"{self.what}{more}{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand with all that was asked for."""

    pools: tuple[PoolStanding, ...]
    mailboxes: tuple[MailboxStanding, ...] = ()

    @property
    def members(self) -> list[MemberStanding]:
        """Return the members of all pools."""
        return [member for pool in self.pools for member in pool.members]

    @property
    def paths(self) -> list[PathStanding]:
        """Return the paths of all members on which a probe has finished."""
        return [path for member in self.members for path in member.paths if path.outcome]

    def findings(self, thresholds: Thresholds) -> list[Finding]:
        """Return what is to be said, the worst first; then what explains most."""
        found = [
            *(finding for mailbox in self._read() for finding in _of_mailbox(mailbox)),
            *(finding for pool in self.pools for finding in _of_pool(pool)),
            *(finding for member in self.members for finding in _of_member(member, thresholds)),
        ]
        return sorted(found, key=lambda finding: WORST_FIRST.index(finding.status))

    def items(self, thresholds: Thresholds) -> list[Item]:
        """Return the performance data: the same labels whatever the state."""
        members, up = self.members, sum(member.verdict is State.UP for member in self.members)
        deliveries = (path.delivery_seconds for path in self.paths)
        ages = (member.evidence_age_seconds for member in members)
        return [
            Item("up", up, lowest=0, highest=len(members)),
            Item("delivery", _highest(deliveries), "s", thresholds.warning, thresholds.critical, lowest=0),
            Item("evidence_age", _highest(ages), "s", lowest=0),
        ]

    def summary(self) -> str:
        """Say how many are up, and how many of the last probes ended as expected."""
        up = [f"{pool.name} {_up(pool.members)} up" for pool in self.pools]
        told = ", ".join(up) if len(up) <= _NAMED_POOLS else f"{len(up)} pools, {_up(self.members)} up"
        return f"{told}, {sum(path.as_expected for path in self.paths)}/{len(self.paths)} as expected"

    def _read(self) -> Iterator[MailboxStanding]:
        """Yield the mailboxes of the routes of the pools that are told of."""
        names = {mailbox for pool in self.pools for mailbox in pool.mailboxes}
        yield from (mailbox for mailbox in self.mailboxes if mailbox.name in names)


def conclusion(standing: Standing, thresholds: Thresholds) -> tuple[Status, str]:
    """Say in one status and one sentence how things stand."""
    first, *others = standing.findings(thresholds) or [_IN_ORDER]
    if first.status is Status.OK:
        notes = [finding.told() for finding in (first, *others) if finding is not _IN_ORDER]
        return Status.OK, "; ".join([standing.summary(), *notes])
    return first.status, first.told(others=sum(other.status is not Status.OK for other in others))


def member_lines(standing: Standing) -> Iterator[str]:
    """Say in a line each how it stands with the members."""
    for member in standing.members:
        last = ", ".join(_last(path) for path in member.paths)
        yield f"{member.name} {member.verdict}: {member.reason}{f' [{last}]' if last else ''}"


def age(seconds: float) -> str:
    """Write how long ago something was, roughly."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


_NAMED_POOLS = 2
_IN_ORDER = Finding(Status.OK, "all is in order")


def _of_mailbox(mailbox: MailboxStanding) -> Iterator[Finding]:
    if mailbox.up:
        return
    if mailbox.up is None:
        yield Finding(Status.UNKNOWN, f"mailbox {mailbox.name} has not been tried yet")
    elif mailbox.unread_seconds is None:
        yield Finding(Status.UNKNOWN, f"mailbox {mailbox.name} has not been readable yet")
    else:
        yield Finding(Status.UNKNOWN, f"mailbox {mailbox.name} unreadable for {age(mailbox.unread_seconds)}")


def _of_pool(pool: PoolStanding) -> Iterator[Finding]:
    if not pool.members:
        yield Finding(Status.UNKNOWN, f"{pool.name} has no member that is known")
    if not pool.rests:
        for fault in pool.shared_faults:
            yield Finding(Status.WARNING, f"{pool.name}: {fault.route} works by way of no member", fault.text)


def _of_member(member: MemberStanding, thresholds: Thresholds) -> Iterator[Finding]:
    if member.in_maintenance:
        yield Finding(Status.OK, f"{member.name} {member.reason}")
    elif member.held:
        yield Finding(Status.WARNING, f"{member.name} {member.reason}")
    elif member.verdict is State.DOWN:
        yield Finding(Status.CRITICAL, f"{member.name} down", member.reason)
    elif member.verdict is State.UNKNOWN:
        yield Finding(Status.UNKNOWN, f"{member.name} unknown", member.reason)
    elif member.guarded:
        yield Finding(Status.WARNING, f"{member.name} kept up", member.reason)
    if not member.in_maintenance:
        yield from (finding for path in member.paths for finding in _of_path(member, path, thresholds))


def _of_path(member: MemberStanding, path: PathStanding, thresholds: Thresholds) -> Iterator[Finding]:
    if path.outcome is Outcome.JUNKED and not path.as_expected:
        yield Finding(Status.WARNING, f"{member.name} junked on {path.route}")
    if path.delivery_seconds is not None:
        status = thresholds.status(path.delivery_seconds)
        if status is not Status.OK:
            took = f"{path.delivery_seconds:.3f} s"
            yield Finding(status, f"{member.name} delivered after {took} on {path.route}")


def _last(path: PathStanding) -> str:
    if path.outcome is None:
        return f"{path.route}: none finished"
    took = "" if path.delivery_seconds is None else f" after {path.delivery_seconds:.3f} s"
    return f"{path.route}: {path.outcome}{took}"


def _up(members: Iterable[MemberStanding]) -> str:
    states = [member.verdict for member in members]
    return f"{states.count(State.UP)}/{len(states)}"


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
