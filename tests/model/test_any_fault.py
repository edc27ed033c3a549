"""Whatever fails, and whenever: what members share takes none of them down, and what one has alone takes it down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model.blame import Finished, Weighed, weigh
from probe.model.outcome import Outcome, State
from probe.model.settings import HealthPolicy
from probe.model.verdict import NO_OPINION, Opinion, Verdict, form, guard, latest
from tests.model.build import MINUTE, NOW, SECOND, finished

MEMBERS = ("mta1", "mta2", "mta3", "mta4")
POLICY = HealthPolicy()
INTERVAL, DEADLINE = MINUTE, 2 * MINUTE
STALE = 3 * INTERVAL + DEADLINE
ROUNDS = 12
LOOK_EVERY = 20
TOOK = {Outcome.DELIVERED: 1, Outcome.MISSING: 120, Outcome.BOUNCED: 5, Outcome.UNREACHABLE: 20}
"""Seconds until a probe that ends so has finished; others take one."""

LOST = (Outcome.MISSING, Outcome.BOUNCED)
REFUSED = (Outcome.REJECTED, Outcome.DEFERRED)
ALONE = (*LOST, *REFUSED, Outcome.UNREACHABLE, Outcome.ALTERED, Outcome.MISROUTED)
FACES = ((Outcome.UNREACHABLE,), (Outcome.ALTERED,), (Outcome.JUNKED,), LOST, REFUSED)
"""How one cause may show: to different members in different ways."""


@dataclass(frozen=True)
class Fault:
    """What fails from one second to another, by member; it may come and go."""

    outcomes: Mapping[str, Outcome]
    start: int
    end: int = ROUNDS * 60
    on: int = 10**6
    off: int = 0
    routes: str = "ab"

    def strikes(self, second: int, route: str) -> bool:
        since = second - self.start
        return 0 <= since < self.end - self.start and since % (self.on + self.off) < self.on and route in self.routes


@dataclass
class World:
    """Four members, each with its moment in the round on one route or on two."""

    phases: Mapping[tuple[str, str], int]
    faults: tuple[Fault, ...]
    opinions: dict[str, Opinion] = field(default_factory=lambda: dict.fromkeys(MEMBERS, NO_OPINION))
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def lived(self) -> Iterator[tuple[int, frozenset[str]]]:
        """Live through it; yield again and again who is down."""
        probes = self._probes()
        for second in range(0, ROUNDS * 60, LOOK_EVERY):
            now = NOW + second * SECOND
            self._think([probe for probe in probes if probe.finished <= now], now)
            yield second, frozenset(name for name in MEMBERS if self.verdicts[name].state is State.DOWN)

    def _think(self, known: list[Finished], now: datetime) -> None:
        by_turn: dict[tuple[str, int], list[Finished]] = {}
        for probe in known:
            by_turn.setdefault((probe.route, _turn(probe)), []).append(probe)
        evidence: dict[str, list[Weighed]] = {name: [] for name in MEMBERS}
        for probe in known:
            turn = _turn(probe)
            near = chain(*(by_turn.get((probe.route, each), ()) for each in (turn - 1, turn, turn + 1)))
            evidence[probe.member].append((probe, weigh(probe, near)))
        for name in MEMBERS:
            others = [latest(evidence[other]) for other in MEMBERS if other != name]
            self.opinions[name] = form(
                self.opinions[name], evidence[name], policy=POLICY, stale_after=STALE, now=now, others=others
            )
        self.verdicts |= guard(self.opinions, self.verdicts, changed=MEMBERS, min_healthy=POLICY.min_healthy, now=now)

    def _probes(self) -> list[Finished]:
        turns = (
            (turn * 60 + phase, member, route)
            for (member, route), phase in self.phases.items()
            for turn in range(ROUNDS)
        )
        made = [self._probe(second, member, route) for second, member, route in turns]
        return sorted(made, key=lambda probe: probe.finished)

    def _probe(self, second: int, member: str, route: str) -> Finished:
        struck = (
            fault.outcomes[member] for fault in self.faults if member in fault.outcomes and fault.strikes(second, route)
        )
        # Who cannot be reached loses nothing: the first that fits is the one that is met first.
        outcome = min(struck, key=_DEPTH.index, default=Outcome.DELIVERED)
        return finished(
            outcome,
            member=member,
            route=route,
            started=NOW + second * SECOND,
            interval=INTERVAL,
            took=TOOK.get(outcome, 1) * SECOND,
            probe_id=f"{member}{route}{second}",
        )


def _turn(probe: Finished) -> int:
    return int((probe.started - NOW) / INTERVAL)


_DEPTH = [Outcome.UNREACHABLE, *REFUSED, *LOST, Outcome.ALTERED, Outcome.MISROUTED, Outcome.JUNKED]


@st.composite
def phases(draw: st.DrawFn, routes: tuple[str, ...] = ("a", "ab")) -> Mapping[tuple[str, str], int]:
    names = draw(st.sampled_from(routes))
    paths = [(member, route) for route in names for member in MEMBERS]
    moments = draw(st.lists(st.integers(0, 59), min_size=len(paths), max_size=len(paths), unique=True))
    return dict(zip(paths, moments, strict=True))


@st.composite
def shared_faults(draw: st.DrawFn, *, coming_and_going: bool = True) -> Fault:
    faces = draw(st.sampled_from(FACES))
    outcomes = {name: draw(st.sampled_from(faces)) for name in MEMBERS}
    start = draw(st.integers(0, 400))
    return Fault(
        outcomes,
        start,
        start + draw(st.integers(0, 500)),
        # A shorter one that comes again in step with the rounds is no other than a fault of those whom it meets.
        on=draw(st.integers(60, 300)),
        off=draw(st.integers(0, 300)) if coming_and_going else 0,
        routes=draw(st.sampled_from(["ab", "a"])),
    )


# The same ones always: of thousands, one shared fault is in step with the rounds by luck, which ADR 20 leaves open.
PLENTY = settings(max_examples=60, deadline=None, derandomize=True)
PROMISE = POLICY.fall * INTERVAL + DEADLINE + LOOK_EVERY * SECOND
"""Fall x interval + deadline, and the time between two looks."""


@PLENTY
@given(phases(), shared_faults())
def test_what_all_members_share_takes_nobody_down_however_it_shows_and_comes_and_goes(
    moments: Mapping[tuple[str, str], int], fault: Fault
) -> None:
    for second, down in World(moments, (fault,)).lived():
        assert not down, second


@PLENTY
@given(phases(), st.sampled_from(MEMBERS), st.sampled_from(ALONE), st.integers(130, 250))
def test_what_one_member_has_alone_takes_it_down_in_time_and_nobody_else(
    moments: Mapping[tuple[str, str], int], culprit: str, outcome: Outcome, start: int
) -> None:
    fault = Fault({culprit: outcome}, start)
    for second, down in World(moments, (fault,)).lived():
        assert down <= {culprit}, second
        assert down or (second - start) * SECOND <= PROMISE, second


@PLENTY
@given(phases(("ab",)), st.sampled_from(MEMBERS), st.sampled_from(ALONE), st.integers(130, 250))
def test_a_fault_on_one_route_of_two_takes_its_member_down_as_well(
    moments: Mapping[tuple[str, str], int], culprit: str, outcome: Outcome, start: int
) -> None:
    fault = Fault({culprit: outcome}, start, routes="b")
    for second, down in World(moments, (fault,)).lived():
        assert down <= {culprit}, second
        assert down or (second - start) * SECOND <= PROMISE, second


@PLENTY
@given(phases(), st.sampled_from(MEMBERS), st.integers(130, 250), st.sampled_from([LOST, (Outcome.ALTERED,)]))
def test_who_cannot_be_reached_is_told_from_those_that_lose_mail_or_damage_it(
    moments: Mapping[tuple[str, str], int], culprit: str, start: int, faces: tuple[Outcome, ...]
) -> None:
    shared = Fault(dict.fromkeys(MEMBERS, faces[0]), start)
    world = World(moments, (shared, Fault({culprit: Outcome.UNREACHABLE}, start)))
    for second, down in world.lived():
        assert down <= {culprit}, second
    assert down == {culprit}


@PLENTY
@given(
    phases(),
    # One that comes and goes, and another member that fails for good: then too few are left to tell luck by.
    shared_faults(coming_and_going=False),
    st.sampled_from(MEMBERS),
    st.sampled_from(ALONE),
    st.integers(0, 400),
)
def test_on_top_of_a_shared_fault_nobody_goes_down_but_who_has_one_of_its_own(
    moments: Mapping[tuple[str, str], int], shared: Fault, culprit: str, outcome: Outcome, start: int
) -> None:
    for second, down in World(moments, (shared, Fault({culprit: outcome}, start))).lived():
        assert down <= {culprit}, second
