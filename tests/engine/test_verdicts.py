"""What load balancers hear, as evidence comes in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.engine.evidence import Evidence
from probe.engine.figures import MemberFigures
from probe.engine.happenings import Attempted, Ended, Judged, MembersKnown, SharedFault
from probe.engine.verdicts import THROTTLE, Verdicts
from probe.model.culprit import Culprit
from probe.model.outcome import Outcome, Stage, State
from probe.model.probe import Record
from probe.model.settings import Member, Route, Settings, Share, UnknownIs
from probe.model.verdict import NO_OPINION, Verdict, form, guard, latest
from tests.engine.fakes import NOON, attempt
from tests.engine.scene import SECOND, Scene, a_probe, member, on_scene, route, settings
from tests.engine.test_evidence import ended

FOUR = ("mta1", "mta2", "mta3", "mta4")
INTERVAL = timedelta(seconds=5)
STALE = 3 * INTERVAL + timedelta(seconds=10)


class Thinking:
    """Verdicts on a pool, being formed."""

    def __init__(
        self, scene: Scene, *names: str, asked: Settings | None = None, before: dict[str, Verdict] | None = None
    ):
        self.names: list[str] = list(names)
        self.scene = scene
        self.held: dict[str, State] = {}
        self.addresses: dict[str, str] = {}
        self.stage = Stage.DATA
        asked = asked or settings(*names)
        self.verdicts = Verdicts(
            asked,
            Evidence(asked.routes, needed=asked.health.rise + asked.health.fall),
            members=lambda pool: self.figures,
            clock=scene.clock,
            report=scene.told.append,
        )
        self.verdicts.restore({("vip", name): verdict for name, verdict in (before or {}).items()})
        self.known()
        scene.spawn(self.verdicts.run())
        self._number = 0

    @property
    def figures(self) -> dict[str, MemberFigures]:
        return {name: MemberFigures(self._member(name), held=self.held.get(name)) for name in self.names}

    def _member(self, name: str) -> Member:
        return replace(member(name), address=self.addresses.get(name, "127.0.0.11"))

    def known(self) -> None:
        self.verdicts(MembersKnown("vip", tuple(member(name) for name in self.names)))

    async def round(self, **outcomes: Outcome) -> None:
        """Let a round end, one interval after the last."""
        began = self.scene.clock.now() - NOON
        for name in self.names:
            self._number += 1
            outcome = outcomes.get(name, Outcome.DELIVERED)
            record = ended(self._number, outcome, name=name, started=began, took=timedelta(0), stage=self.stage)
            self.verdicts(Ended(record))
        await self.scene.advance(INTERVAL.total_seconds())

    @property
    def states(self) -> dict[str, State]:
        return {judged.member: judged.verdict.state for judged in self.scene.of(Judged)}

    def of(self, name: str) -> Verdict:
        return [judged.verdict for judged in self.scene.of(Judged) if judged.member == name][-1]


def up_at_first(*, by: State = State.UP) -> Verdict:
    return Verdict(by, "2 probes in a row delivered", NOON, ("a", "b"), NOON)


@on_scene
async def test_before_any_evidence_everything_is_unknown_and_is_told_at_once(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    assert thinking.states == dict.fromkeys(FOUR, State.UNKNOWN)
    assert [judged.before for judged in scene.of(Judged)] == [None] * 4


@on_scene
async def test_members_that_deliver_are_up_after_rise_probes(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    await thinking.round()
    assert set(thinking.states.values()) == {State.UNKNOWN}
    await thinking.round()
    assert set(thinking.states.values()) == {State.UP}


@on_scene
async def test_a_member_that_discards_goes_down_after_fall_probes_while_three_stay_up(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    for _ in range(2):
        await thinking.round()
    for _ in range(2):
        await thinking.round(mta3=Outcome.MISSING)
        assert set(thinking.states.values()) == {State.UP}
    await thinking.round(mta3=Outcome.MISSING)
    assert thinking.states == {name: State.DOWN if name == "mta3" else State.UP for name in FOUR}
    verdict = thinking.of("mta3")
    assert (len(verdict.evidence), verdict.guarded) == (3, False)
    assert verdict.reason.startswith("3 probes in a row missing")
    assert not any(fault.shared for fault in scene.of(SharedFault))


@on_scene
async def test_a_member_comes_up_again_after_rise_probes(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round(mta3=Outcome.REJECTED)
    states = [thinking.states["mta3"]]
    for _ in range(2):
        await thinking.round()
        states.append(thinking.states["mta3"])
    assert states == [State.DOWN, State.DOWN, State.UP]


@on_scene
async def test_who_cannot_be_reached_goes_down_though_nobody_knows_yet_what_becomes_of_the_mail_of_the_others(
    scene: Scene,
) -> None:
    # Given
    thinking = Thinking(scene, *FOUR)
    for _ in range(2):
        await thinking.round()

    # When
    for number in range(3):
        assert thinking.states["mta3"] is State.UP
        now = scene.clock.now()
        thinking.verdicts(Ended(ended(100 + number, Outcome.UNREACHABLE, name="mta3", started=now - NOON)))
        thinking.verdicts(Attempted(a_probe(200 + number, name="mta1", at=now), attempt(began=now), 1))
        await scene.advance(INTERVAL.total_seconds())

    # Then
    assert thinking.states == {name: State.DOWN if name == "mta3" else State.UP for name in FOUR}


@pytest.mark.parametrize("outcome", [Outcome.MISSING, Outcome.UNREACHABLE, Outcome.BOUNCED, Outcome.REJECTED])
@on_scene
async def test_when_all_fail_alike_nobody_goes_down_and_the_fault_is_shared(scene: Scene, outcome: Outcome) -> None:
    # Given
    thinking = Thinking(scene, *FOUR)
    for _ in range(2):
        await thinking.round()

    # When
    for _ in range(4):
        await thinking.round(**dict.fromkeys(FOUR, outcome))

    # Then
    assert set(thinking.states.values()) == {State.UP}
    assert {judged.verdict.guarded for judged in scene.of(Judged)[-4:]} == {True}
    [fault] = scene.of(SharedFault)
    assert (fault.pool, fault.route, fault.shared) == ("vip", "inbound", True)
    assert (fault.blame and fault.blame.culprit, fault.since) == (Culprit.POOL, NOON + 2 * INTERVAL)
    await thinking.round()
    assert scene.of(SharedFault)[-1] == SharedFault("vip", "inbound", False)


@on_scene
async def test_what_leaves_nobody_to_tell_is_told_and_is_no_fault_that_members_share(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    await thinking.round()
    await thinking.round(**dict.fromkeys(FOUR, Outcome.UNKNOWN))
    [fault] = scene.of(SharedFault)
    assert (fault.shared, fault.side) == (False, "nobody can tell: it was unknown")


@on_scene
async def test_since_when_something_is_to_blame_is_kept_while_more_becomes_known_of_it(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    thinking.stage = Stage.CONNECT
    await thinking.round(**dict.fromkeys(FOUR, Outcome.UNREACHABLE))
    await thinking.round(**dict.fromkeys(FOUR, Outcome.MISSING))
    first, second = scene.of(SharedFault)
    assert first.side != second.side
    assert first.since == second.since


@on_scene
async def test_members_that_go_down_together_say_what_they_alone_have_in_common(scene: Scene) -> None:
    # Given the others are reached by IPv6
    thinking = Thinking(scene, *FOUR)
    thinking.addresses = {"mta1": "2001:db8:1::1", "mta2": "2001:db8:2::1"}

    # When
    for _ in range(4):
        await thinking.round(mta3=Outcome.MISSING, mta4=Outcome.MISSING)

    # Then each is down by its own probes
    for name in ("mta3", "mta4"):
        assert thinking.states[name] is State.DOWN
        assert thinking.of(name).reason == (
            "3 probes in a row missing: it was missing; "
            "mta3 and mta4 fail, and they alone are in the network 127.0.0.0/24"
        )
    assert "alone" not in thinking.of("mta1").reason


@on_scene
async def test_a_pool_is_never_emptied_below_min_healthy(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    for _ in range(5):
        await thinking.round(mta1=Outcome.MISSING, mta2=Outcome.REJECTED, mta3=Outcome.MISSING)
    down = [name for name, state in thinking.states.items() if state is State.DOWN]
    assert down == ["mta1", "mta2"]
    assert thinking.of("mta3").guarded
    assert "min_healthy" in thinking.of("mta3").reason


@on_scene
async def test_stale_evidence_is_unknown_without_anything_coming_in(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round(mta3=Outcome.MISSING)
    last = thinking.of("mta3").evidence_at
    assert last
    await scene.advance((last + STALE - scene.clock.now()).total_seconds())
    assert thinking.states["mta3"] is State.DOWN
    await scene.advance(2)
    assert set(thinking.states.values()) == {State.UNKNOWN}
    assert "its evidence is stale" in thinking.of("mta3").reason


@on_scene
async def test_evidence_that_comes_in_together_is_thought_over_once(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    await thinking.round()
    told = len(scene.told)
    await thinking.round()
    assert len(scene.of(Judged)) - told <= len(FOUR) + 1
    assert scene.of(Judged)[-1].verdict.since - NOON <= INTERVAL + THROTTLE + SECOND


@on_scene
async def test_a_fresh_verdict_from_before_a_restart_is_told_at_once_and_unchanged(scene: Scene) -> None:
    before = {"mta1": up_at_first(by=State.DOWN), "mta2": up_at_first()}
    thinking = Thinking(scene, *FOUR, before=before)
    assert {name: thinking.of(name) for name in before} == before
    assert thinking.states["mta3"] is State.UNKNOWN
    told = {judged.member: judged.before for judged in scene.of(Judged)}
    assert told["mta1"] == before["mta1"]


@on_scene
async def test_a_stale_verdict_from_before_a_restart_turns_unknown_at_once(scene: Scene) -> None:
    await scene.advance(STALE.total_seconds() + 1)
    thinking = Thinking(scene, *FOUR, before={"mta1": up_at_first(by=State.DOWN)})
    assert thinking.states["mta1"] is State.UNKNOWN


@on_scene
async def test_a_verdict_does_not_tell_itself_again(scene: Scene) -> None:
    Thinking(scene, *FOUR, before={"mta1": up_at_first(by=State.DOWN)})
    told = len(scene.told)
    await scene.advance(10)
    assert len(scene.told) == told


@on_scene
async def test_a_member_that_comes_back_has_the_verdict_it_had(scene: Scene) -> None:
    # Given
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round(mta3=Outcome.MISSING)
    thinking.names.remove("mta3")
    thinking.known()
    scene.told.clear()

    # When
    thinking.names.append("mta3")
    thinking.known()

    # Then
    assert thinking.states == {"mta3": State.DOWN}


@on_scene
async def test_a_pool_of_one_is_never_down(scene: Scene) -> None:
    thinking = Thinking(scene, "mta1")
    for _ in range(5):
        await thinking.round(mta1=Outcome.REJECTED)
    assert State.DOWN not in {judged.verdict.state for judged in scene.of(Judged)}


@on_scene
async def test_a_member_that_vanishes_leaves_room_for_fewer_to_be_down(scene: Scene) -> None:
    # Given
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round(mta1=Outcome.MISSING, mta2=Outcome.MISSING)
    assert [name for name in FOUR if thinking.states[name] is State.DOWN] == ["mta1", "mta2"]
    scene.told.clear()

    # When
    thinking.names.remove("mta4")
    thinking.known()

    # Then
    assert thinking.states == {"mta2": State.UP}
    assert thinking.of("mta2").guarded


@on_scene
async def test_where_all_fail_now_and_then_an_unlucky_row_takes_nobody_down(scene: Scene) -> None:
    # Given each of four fails every second time, two at a time; one of them has a row of failures meanwhile
    thinking = Thinking(scene, *FOUR)
    for number in range(12):
        failing = {*FOUR[number % 2 :: 2], *(FOUR[1:2] if number > 6 else ())}
        await thinking.round(**dict.fromkeys(failing, Outcome.MISSING))

    # Then
    assert State.DOWN not in thinking.states.values()


@on_scene
async def test_three_of_four_that_fail_for_good_are_known_by_the_one_that_does_not(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round()
    for _ in range(3):
        await thinking.round(**dict.fromkeys(FOUR[:3], Outcome.MISSING))
    assert sorted(thinking.states.values()) == [State.DOWN, State.DOWN, State.UP, State.UP]
    assert sum(thinking.of(name).guarded for name in FOUR) == 1


@on_scene
async def test_members_that_are_held_down_count_among_those_that_are_down(scene: Scene) -> None:
    # Given two members nobody can tell of, which a load balancer holds down
    thinking = Thinking(scene, *FOUR, asked=settings(*FOUR, unknown_is=UnknownIs.HOLD))
    thinking.held = {"mta1": State.DOWN, "mta2": State.DOWN}

    # When a third one fails
    for _ in range(4):
        await thinking.round(mta1=Outcome.UNKNOWN, mta2=Outcome.UNKNOWN, mta3=Outcome.MISSING)

    # Then half of the pool stays in service
    assert thinking.states["mta3"] is State.UP
    assert thinking.of("mta3").guarded


@on_scene
async def test_a_route_that_fails_for_all_for_good_hides_no_failure_on_another(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR, asked=settings(*FOUR, routes=(route(), route("outbound"))))
    for number in range(5):
        began = scene.clock.now() - NOON
        for place, name in enumerate(FOUR):
            refused = ended(900 + 4 * number + place, Outcome.REJECTED, name=name, on="outbound", started=began)
            thinking.verdicts(Ended(refused))
        await thinking.round(mta3=Outcome.MISSING)
    assert [name for name in FOUR if thinking.states[name] is State.DOWN] == ["mta3"]


@on_scene
async def test_evidence_that_lies_ahead_because_the_clock_was_set_back_is_stale_at_once(scene: Scene) -> None:
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round()
    assert set(thinking.states.values()) == {State.UP}
    scene.clock.set_wall(timedelta(hours=-1))
    scene.clock.stepped()
    await scene.advance(2)
    assert set(thinking.states.values()) == {State.UNKNOWN}


@on_scene
async def test_a_member_that_goes_up_and_down_again_and_again_must_be_good_for_longer(scene: Scene) -> None:
    # Given three failures and three returns, each as quick as the first
    thinking = Thinking(scene, *FOUR)
    for _ in range(2):
        await thinking.round()
    for _ in range(3):
        for _ in range(3):
            await thinking.round(mta3=Outcome.MISSING)
        assert thinking.states["mta3"] is State.DOWN
        for _ in range(2):
            await thinking.round()
        assert (thinking.states["mta3"], thinking.of("mta3").flapping) == (State.UP, False)

    # When it fails once more
    for _ in range(3):
        await thinking.round(mta3=Outcome.MISSING)
    assert thinking.states["mta3"] is State.DOWN

    # Then it needs four good probes
    states = []
    for _ in range(4):
        await thinking.round()
        states.append(thinking.states["mta3"])
    assert states == [State.DOWN, State.DOWN, State.DOWN, State.UP]
    verdict = thinking.of("mta3")
    assert verdict.flapping
    assert "it is flapping: 7 changes within 30 intervals, so that 4 good probes in a row are needed" in verdict.reason
    assert not any(thinking.of(name).flapping for name in FOUR if name != "mta3")


ROUTES_OF_BOTH_KINDS = (route(), replace(route("asked", only_asks=True), interval=SECOND, deadline=timedelta(hours=1)))


@pytest.mark.parametrize(
    "routes, stale",
    [
        (ROUTES_OF_BOTH_KINDS[:1], STALE),
        (ROUTES_OF_BOTH_KINDS, STALE),
        (ROUTES_OF_BOTH_KINDS[1:], 3 * SECOND + timedelta(hours=1)),
    ],
)
@on_scene
async def test_how_long_asking_may_take_does_not_keep_deliveries_fresh(
    scene: Scene, routes: tuple[Route, ...], stale: timedelta
) -> None:
    before = {"mta1": replace(up_at_first(), evidence_at=NOON)}
    thinking = Thinking(scene, "mta1", asked=settings("mta1", routes=routes), before=before)
    states = []
    for seconds in (stale.total_seconds(), 2):
        await scene.advance(seconds)
        states.append(thinking.states["mta1"])
    assert states == [State.UP, State.UNKNOWN]


@on_scene
async def test_a_member_that_comes_back_after_its_evidence_has_gone_stale_starts_anew(scene: Scene) -> None:
    # Given
    thinking = Thinking(scene, *FOUR)
    for _ in range(3):
        await thinking.round(mta3=Outcome.MISSING)
    thinking.names.remove("mta3")
    thinking.known()

    # When
    await scene.advance(STALE.total_seconds() + 2)
    await thinking.round()
    thinking.names.remove("mta4")
    thinking.known()
    scene.told.clear()
    thinking.names.append("mta3")
    thinking.known()

    # Then
    [judged] = [judged for judged in scene.of(Judged) if judged.member == "mta3"]
    assert (judged.before, judged.verdict.state) == (None, State.UNKNOWN)


OUTCOMES = [Outcome.DELIVERED, Outcome.MISSING, Outcome.UNREACHABLE, Outcome.REJECTED, Outcome.UNKNOWN]


@given(
    rounds=st.lists(st.lists(st.sampled_from(OUTCOMES), min_size=4, max_size=4), min_size=1, max_size=6),
    chance=st.randoms(),
    min_healthy=st.integers(0, 4),
)
def test_every_probe_that_sees_the_same_evidence_in_whatever_order_says_the_same_and_empties_no_pool(
    rounds: list[list[Outcome]], chance: Random, min_healthy: int
) -> None:
    story = [
        ended(4 * turn + place, outcome, name=FOUR[place], started=turn * INTERVAL + place * SECOND, took=timedelta(0))
        for turn, outcomes in enumerate(rounds)
        for place, outcome in enumerate(outcomes)
    ]
    shuffled = sorted(story, key=lambda record: chance.random())
    first, second = (formed(records, len(rounds) * INTERVAL, min_healthy) for records in (story, shuffled))
    assert first == second
    assert sum(verdict.state is not State.DOWN for verdict in first.values()) >= max(1, min_healthy)


def formed(records: Sequence[Record], after: timedelta, min_healthy: int) -> dict[str, Verdict]:
    """Return what is said of members whose probes came to be known in this order."""
    asked = settings(*FOUR, min_healthy=Share(count=min_healthy))
    collected = Evidence(asked.routes, needed=5)
    for record in records:
        collected.add(record)
    evidence = {name: collected.on("vip", name) for name in FOUR}
    now = NOON + after
    opinions = {
        name: form(
            NO_OPINION,
            evidence[name],
            policy=asked.health,
            stale_after=STALE,
            now=now,
            others=[latest(evidence[other]) for other in FOUR if other != name],
        )
        for name in FOUR
    }
    return guard(opinions, {}, changed=FOUR, min_healthy=asked.health.min_healthy, now=now)
