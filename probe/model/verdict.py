"""The one place that decides what a load balancer hears."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from probe.model.blame import Finished, Weighed, Weight
from probe.model.flapping import FLAPPING, damping_by
from probe.model.hold import Hold
from probe.model.maintenance import Window
from probe.model.outcome import Outcome, State
from probe.model.rows import Conviction, Row, convictions, newest_row, of_one_route, steady, still_failing
from probe.model.settings import HealthPolicy, Share


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a member's own evidence says of it, before its pool is looked at."""

    state: State
    reason: str
    evidence: tuple[str, ...] = ()
    """Ids of the probes it rests on, newest first."""
    evidence_at: datetime | None = None
    """When the newest of them finished."""
    against: int = 0
    """How many in a row, up to the newest, speak against the member."""
    excused: bool = False
    """Enough failed in a row, but that does not speak against it alone."""
    failing: str = ""
    """How the newest of them failed, where enough failed in a row, and it is not down."""
    flapping: str = ""
    """That it changes again and again, and what follows, where it does."""
    down_since: datetime | None = None
    """When the probe finished with which it was enough to call the member down."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a load balancer is told about a member, and why."""

    state: State
    reason: str
    since: datetime
    evidence: tuple[str, ...] = ()
    evidence_at: datetime | None = None
    guarded: bool = False
    """The member failed and is kept up, by ``min_healthy`` or because what members share may be to blame."""
    flapping: bool = False
    """It was called up and down so often that it must be good for longer to be called up."""
    hold: Hold | None = None
    """Somebody holds it so; otherwise the evidence decides."""
    maintenance: Window | None = None
    """The member is under maintenance."""

    @property
    def is_set_aside(self) -> bool:
        """Tell whether operators know of the member: nobody has to be alarmed about it."""
        return self.hold is not None or self.maintenance is not None


NO_OPINION = Opinion(State.UNKNOWN, "no probe has finished yet")

_NEVER = datetime.max.replace(tzinfo=UTC)
_EXCUSED = "its probes fail, but that does not speak against it alone"
_SCATTERED = "its probes fail, but not often enough yet on one and the same route"
_BEFORE = "; before: "
_FLAPPING = f"; {FLAPPING}"
_TAKES_MAIL = frozenset({Outcome.DELIVERED, Outcome.ACCEPTED})
"""What is plainly expected of a member, and need not be said."""


def form(
    previous: Opinion,
    evidence: Sequence[Weighed],
    *,
    policy: HealthPolicy,
    stale_after: timedelta,
    now: datetime,
    others: Iterable[Sequence[Finished]] = (),
    changes: Iterable[datetime] = (),
) -> Opinion:
    """Form an opinion of a member from its finished probes, oldest first, and from the opinion before.

    ``others`` holds the latest probes of each other member of the pool, on all routes; see ``latest``. ``changes`` are
    the moments at which the member was called up or down.
    """
    interval = min((probe.interval for probe, _ in evidence), default=timedelta(0))
    damping = damping_by(changes, policy, interval=interval, now=now)
    opinion = _formed(previous, evidence, replace(policy, rise=damping.needed), stale_after, now, others)
    return replace(opinion, flapping=damping.words)


def remembered(verdict: Verdict) -> Opinion:
    """Return the opinion that a verdict from before a restart came from, as far as it is still known."""
    reason = verdict.reason.partition(_FLAPPING)[0]
    if reason.startswith((_EXCUSED, _SCATTERED)):
        # Else it would be told again with every restart what was before the one before.
        reason = reason.rpartition(_BEFORE)[2]
    down_since = verdict.since if verdict.state is State.DOWN else None
    return Opinion(verdict.state, reason, verdict.evidence, verdict.evidence_at, down_since=down_since)


def joined(everything: Opinion, of_sending: Opinion, *, losing: bool) -> Opinion:
    """Join the opinion by all probes of a member with that by those of them for which a message was sent.

    Either may call it down. But that a member would take mail proves less than that it delivers: where messages are
    sent, only they call it up, and while it is ``losing`` them nothing else does.
    """
    for opinion in (of_sending, everything):
        if opinion.state is State.DOWN:
            return opinion
    return of_sending if losing or of_sending.state is State.UP else everything


def loses(of_sending: Iterable[Weighed]) -> bool:
    """Tell whether, on some route, the last message that somebody can tell of did not fare as expected."""
    newest = {probe.route: probe for probe, _ in of_sending if probe.outcome is not Outcome.UNKNOWN}
    return any(probe.failed for probe in newest.values())


def latest(evidence: Iterable[Weighed]) -> list[Finished]:
    """Return, of each route, the latest probe of a member for each outcome."""
    newest: dict[tuple[str, Outcome], Finished] = {}
    for probe, _ in evidence:
        kind = probe.route, probe.outcome
        if probe.outcome is not Outcome.UNKNOWN and (kind not in newest or probe.started > newest[kind].started):
            newest[kind] = probe
    return [*newest.values()]


def guard(
    opinions: Mapping[str, Opinion],
    before: Mapping[str, Verdict],
    *,
    changed: Collection[str],
    min_healthy: Share,
    now: datetime,
    held_down: int = 0,
) -> dict[str, Verdict]:
    """Turn the opinions on the members of a pool into verdicts that never empty it.

    Who failed first goes first, so that those that are up stay up before those that are down come back; then those
    with the fewest failures in a row stay up, then those whose name comes last: every probe that sees the same
    evidence keeps the same ones, in whatever order it came to know of it. Only
    verdicts that may differ from those before are returned: where the opinion changed, and where others' opinions
    decide anew whether a member is kept up. ``held_down`` counts members whose opinion is unknown, and that are
    out of service all the same.
    """
    down = _called_down(opinions, before, expendable=min_healthy.expendable(len(opinions)) - held_down)

    def differs(name: str) -> bool:
        if name in changed or name not in before:
            return True
        return opinions[name].state is State.DOWN and (before[name].state is State.DOWN) is not (name in down)

    return {
        name: _verdict(opinion, down=name in down, before=before.get(name), now=now)
        for name, opinion in opinions.items()
        if differs(name)
    }


def _formed(
    previous: Opinion,
    evidence: Sequence[Weighed],
    policy: HealthPolicy,
    stale_after: timedelta,
    now: datetime,
    others: Iterable[Sequence[Finished]],
) -> Opinion:
    # Both ways: what a clock that ran ahead left behind, until it was set back, would stay fresh for as long.
    fresh = [each for each in evidence if abs(now - each[0].finished) <= stale_after]
    failing = _failing(fresh)
    told = _told(failing[0][0]) if len(failing) >= policy.fall else ""
    excused = bool(told) and not _scattered(failing, policy.fall)
    convicting = convictions(evidence, rise=policy.rise, fall=policy.fall, silence=stale_after)
    found = [each for each in convicting if abs(now - each.row.newest.finished) <= stale_after]
    if found and previous.state is not State.DOWN:
        heard = list(others)
        found = [each for each in found if steady(heard, each.row)]
    if found:
        return _convicted(found[0], previous)
    row = newest_row(evidence, stale_after)
    newest = row.newest.finished if row else _out_of_sight(previous, evidence)
    if newest is None or abs(now - newest) > stale_after:
        silence = _silence(previous, evidence)
        return Opinion(State.UNKNOWN, silence, evidence_at=previous.evidence_at, excused=excused, failing=told)
    opinion = previous
    if row:
        was_down = previous.state is State.DOWN
        held = was_down and still_failing(evidence, rise=policy.rise, fall=policy.fall, silence=stale_after, now=now)
        opinion = _by_row(previous, row, policy, held_down=held)
    if opinion.state is State.DOWN:
        return replace(opinion, excused=False, failing="")
    return replace(opinion, excused=excused, failing=told)


def _called_down(opinions: Mapping[str, Opinion], before: Mapping[str, Verdict], *, expendable: int) -> set[str]:
    def is_down(name: str) -> bool:
        return name in before and before[name].state is State.DOWN

    worst_first = sorted(
        (name for name, opinion in opinions.items() if opinion.state is State.DOWN),
        key=lambda name: (opinions[name].down_since or _NEVER, not is_down(name), -opinions[name].against, name),
    )
    return set(worst_first[: max(expendable, 0)])


def _verdict(opinion: Opinion, *, down: bool, before: Verdict | None, now: datetime) -> Verdict:
    state, reason, guarded = opinion.state, opinion.reason, False
    if state is State.DOWN and not down:
        state, reason, guarded = State.UP, f"{reason}, but min_healthy keeps it up", True
    elif opinion.excused:
        reason, guarded = f"{_EXCUSED}: {opinion.failing}{_BEFORE}{reason}", True
    elif opinion.failing and state is State.UP:
        reason = f"{_SCATTERED}: {opinion.failing}{_BEFORE}{reason}"
    if opinion.flapping:
        reason = f"{reason}; {opinion.flapping}"
    since = before.since if before and before.state is state else now
    return Verdict(state, reason, since, opinion.evidence, opinion.evidence_at, guarded, bool(opinion.flapping))


def _convicted(by: Conviction, previous: Opinion) -> Opinion:
    probes = by.row.probes
    # The beginning of a long row is out of sight.
    since = min(by.since, previous.down_since or by.since)
    newest = by.row.newest.finished
    return Opinion(State.DOWN, _summary(probes), _ids(probes), newest, by.against, down_since=since)


def _by_row(previous: Opinion, row: Row, policy: HealthPolicy, *, held_down: bool) -> Opinion:
    """Weigh the newest probes that say the same; too few of them leave the opinion as it was."""
    speaks_for = row.weight is Weight.FOR
    needed = policy.rise if speaks_for else policy.fall
    probes = of_one_route(row).probes
    newest, against = row.newest.finished, 0 if speaks_for else len(probes)
    if speaks_for and len(probes) >= needed and not held_down:
        counted = probes[:needed]
        return Opinion(State.UP, _summary(counted), _ids(counted), newest)
    if previous.state is not State.UNKNOWN:
        return replace(previous, evidence_at=newest, against=against)
    ended = "succeeded" if speaks_for else "failed"
    reason = f"only {len(probes)} of the {needed} probes in a row that are needed {ended}"
    if len(probes) >= needed:
        reason = "its probes fail, and those of the others now and then"
    return Opinion(State.UNKNOWN, reason, _ids(probes[:needed]), newest, against)


def _ids(probes: Iterable[Finished]) -> tuple[str, ...]:
    return tuple(probe.probe_id for probe in probes)


def _silence(previous: Opinion, evidence: Sequence[Weighed]) -> str:
    if previous.evidence_at or any(weight is not Weight.NEITHER for _, weight in evidence):
        return "its evidence is stale"
    if not evidence:
        return NO_OPINION.reason
    return f"its probes prove nothing about it; the last one: {evidence[-1][0].reason}"


def _out_of_sight(previous: Opinion, evidence: Sequence[Weighed]) -> datetime | None:
    """Return when the evidence of the opinion before came in, where it is out of sight and was not withdrawn."""
    at = previous.evidence_at
    return at if at and (not evidence or at < evidence[0][0].finished) else None


def _failing(evidence: Sequence[Weighed]) -> list[Weighed]:
    """Return the newest probes that failed in a row, newest first, whoever they speak against."""
    told = (weighed for weighed in reversed(evidence) if weighed[0].outcome is not Outcome.UNKNOWN)
    return list(takewhile(lambda weighed: weighed[0].failed, told))


def _scattered(failing: Sequence[Weighed], fall: int) -> bool:
    """Tell whether so many of the newest as are needed speak against the member, but not so many of one route."""
    against = list(takewhile(lambda weighed: weighed[1] is Weight.AGAINST, failing))
    routes = [probe.route for probe, _ in against]
    return len(against) >= fall > max(map(routes.count, routes))


def _summary(probes: Iterable[Finished]) -> str:
    """Say in words what a row of probes came to: ``3 probes in a row missing: it was accepted, …``."""
    row = list(probes)
    outcomes = " or ".join(sorted({probe.outcome.value for probe in row}))
    return f"{len(row)} probe{'s' if len(row) > 1 else ''} in a row {outcomes}{_expected(row)}: {row[0].reason}"


def _told(probe: Finished) -> str:
    return f"{probe.outcome.value}{_expected([probe])}: {probe.reason}"


def _expected(row: Sequence[Finished]) -> str:
    """Say what was expected of probes that say the same, where that is not plain.

    Else a member would be up because its mail is missing, or down because it is delivered.
    """
    newest = row[0]
    if newest.succeeded:
        return "" if newest.outcome is Outcome.DELIVERED else ", as expected"
    wanted = {probe.expected for probe in row}
    return "" if wanted & _TAKES_MAIL or len(wanted) > 1 else f" instead of {newest.expected.value}"
