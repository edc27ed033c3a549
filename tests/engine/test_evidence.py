"""The evidence on every member."""

import gc
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.engine.evidence import Evidence
from probe.model.blame import Finished, Weight, weigh
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Judgement, Record, Sending
from probe.model.reply import Ending
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND, a_probe, route

ROUTES = {
    each.name: each
    for each in (
        route("inbound"),
        route("outbound", interval=20 * SECOND, deadline=40 * SECOND),
        route("seldom", interval=300 * SECOND, deadline=SECOND),
        route("relaying", interval=7 * SECOND, expect=Outcome.REJECTED),
    )
}
MEMBERS = ("mta1", "mta2", "mta3")
TAKEN = set(Outcome) - {Outcome.UNREACHABLE, Outcome.REJECTED, Outcome.DEFERRED, Outcome.UNKNOWN}
"""How a probe may end whose message was taken, and somebody can tell."""


def ended(
    number: int,
    outcome: Outcome,
    *,
    name: str = "mta1",
    on: str = "inbound",
    started: timedelta = timedelta(0),
    took: timedelta = SECOND,
    stage: Stage = Stage.DATA,
    expected: Outcome = Outcome.DELIVERED,
    ending: Ending = Ending.ACCEPTED,
) -> Record:
    """A probe that has its outcome."""
    began = NOON + started
    return Record(
        replace(a_probe(number, name=name, at=began), route=on, expected=expected),
        attempts=1,
        sending=Sending(ending, stage, "its words"),
        judgement=Judgement(outcome, f"it was {outcome}"),
        finished=began + took,
    )


def evidence(*records: Record) -> Evidence:
    collected = Evidence(ROUTES, needed=5)
    for record in records:
        collected.add(record)
    return collected


def finished_in_memory() -> int:
    gc.collect()
    return sum(isinstance(each, Finished) for each in gc.get_objects())


def weights(collected: Evidence, name: str = "mta1") -> list[Weight]:
    return [weight for _, weight in collected.on("vip", name)]


@st.composite
def records(draw: st.DrawFn, lasting: int, outcomes: Sequence[Outcome]) -> Record:
    """A probe of any route that finishes at any time up to half a minute after its deadline."""
    on = draw(st.sampled_from([*ROUTES.values()]))
    longest = int(on.deadline.total_seconds())
    return ended(
        draw(st.integers(1, 10**6)),
        draw(st.sampled_from(outcomes)),
        name=draw(st.sampled_from(MEMBERS)),
        on=on.name,
        started=draw(st.integers(0, lasting)) * SECOND,
        took=draw(st.sampled_from([0, 1, longest // 2, longest, longest + 30])) * SECOND,
        stage=draw(st.sampled_from([Stage.DATA, Stage.RCPT])),
        expected=on.expect,
        ending=draw(st.sampled_from([Ending.ACCEPTED, Ending.NAMELESS])),
    )


@st.composite
def stories(draw: st.DrawFn) -> Sequence[Record]:
    """Probes as they finish, over seconds or over far longer than they can matter to each other."""
    lasting = draw(st.sampled_from([10, 60, 3000]))
    outcomes = draw(st.lists(st.sampled_from(Outcome), min_size=1, max_size=9, unique=True))
    told = st.lists(records(lasting, outcomes), max_size=30, unique_by=lambda record: record.probe.id)
    return sorted(draw(told), key=lambda record: record.finished or NOON)


@given(stories(), st.randoms())
def test_hearing_probes_one_by_one_comes_to_the_same_as_hearing_all_at_the_end(
    story: Sequence[Record], chance: Random
) -> None:
    # Those that finish within seconds of each other may be told in any order.
    story = sorted(story, key=lambda record: (record.finished or NOON) + chance.randrange(20) * SECOND)
    collected = evidence(*story)
    told = {name: collected.on("vip", name) for name in MEMBERS}
    everything: list[Finished] = [probe for of_member in told.values() for probe, _ in of_member]
    assert len(everything) == len(story)
    for of_member in told.values():
        for probe, weight in of_member:
            assert weight is weigh(probe, everything)


@given(stories(), st.randoms())
def test_what_was_taken_says_at_once_what_its_outcome_says_later(story: Sequence[Record], chance: Random) -> None:
    # Given
    ends = [(record.finished or NOON, record, True) for record in story]
    taken = [record for record in story if record.judgement and record.judgement.outcome in TAKEN]
    happened = [*ends, *((record.probe.started + chance.randrange(20) * SECOND, record, False) for record in taken)]

    # When
    collected = evidence()
    for at, record, is_over in sorted(happened, key=lambda each: each[0]):
        if is_over:
            collected.add(record)
        else:
            collected.took(record.probe, at)

    # Then
    assert all(told(collected, name) == told(evidence(*story), name) for name in MEMBERS)


@given(stories())
def test_those_are_named_as_changed_who_have_changed_and_no_others(story: Sequence[Record]) -> None:
    collected = evidence()
    before = {name: collected.on("vip", name) for name in MEMBERS}
    for record in story:
        collected.add(record)
        now = {name: collected.on("vip", name) for name in MEMBERS}
        assert collected.changed() == {("vip", name) for name in MEMBERS if now[name] != before[name]}
        before = now
    assert collected.changed() == set()


def test_a_failure_speaks_against_a_member_once_another_fares_better() -> None:
    collected = evidence(ended(1, Outcome.MISSING))
    assert weights(collected) == [Weight.NEITHER]
    collected.add(ended(2, Outcome.DELIVERED, name="mta2", started=2 * SECOND))
    assert weights(collected) == [Weight.AGAINST]
    assert collected.changed() == {("vip", "mta1"), ("vip", "mta2")}


def test_a_message_that_was_taken_shows_at_once_that_whoever_cannot_be_reached_is_worse_off() -> None:
    collected = evidence(ended(1, Outcome.UNREACHABLE), ended(2, Outcome.REJECTED, name="mta2", started=-60 * SECOND))
    collected.changed()
    collected.took(a_probe(3, name="mta3", at=NOON + 2 * SECOND), NOON + 3 * SECOND)
    assert (weights(collected), weights(collected, "mta2")) == ([Weight.AGAINST], [Weight.NEITHER])
    assert collected.changed() == {("vip", "mta1")}


def test_the_first_success_after_a_shared_outage_convicts_those_within_an_interval_before_it_and_only_once() -> None:
    # Given
    names = [f"mta{number}" for number in range(9)]
    collected = evidence(
        *(ended(n, Outcome.MISSING, name=name, started=n * SECOND) for n, name in enumerate(names)),
    )
    assert {weight for name in names[:-1] for weight in weights(collected, name)} == {Weight.NEITHER}
    collected.changed()

    # When
    collected.add(ended(9, Outcome.DELIVERED, name="mta9", started=8 * SECOND))

    # Then
    within_5s = names[3:]
    assert [name for name in names if Weight.AGAINST in weights(collected, name)] == within_5s
    assert collected.changed() == {("vip", name) for name in [*within_5s, "mta9"]}
    collected.add(ended(10, Outcome.DELIVERED, name="mta10", started=8 * SECOND))
    assert collected.changed() == {("vip", "mta10")}


def test_a_member_that_is_probed_seldom_is_heard_beside_those_from_long_before() -> None:
    collected = evidence(ended(1, Outcome.DELIVERED, name="mta2", on="seldom"))
    for n in range(2, 20):
        collected.add(ended(n, Outcome.DELIVERED, on="seldom", started=n * SECOND))
        collected.add(ended(50 + n, Outcome.DELIVERED, name="mta3", started=n * 14 * SECOND))
    collected.add(ended(100, Outcome.MISSING, on="seldom", started=300 * SECOND))
    assert weights(collected)[-1] is Weight.AGAINST
    collected.add(ended(101, Outcome.MISSING, on="seldom", started=301 * SECOND))
    assert weights(collected)[-2:] == [Weight.AGAINST, Weight.NEITHER]


def test_one_that_fares_no_better_and_started_at_the_same_moment_excuses_it() -> None:
    before = ended(1, Outcome.DELIVERED, name="mta2")
    collected = evidence(before, ended(2, Outcome.MISSING, started=SECOND))
    assert weights(collected) == [Weight.AGAINST]
    collected.add(ended(3, Outcome.MISSING, name="mta3", started=SECOND))
    assert weights(collected) == [Weight.NEITHER]


def test_a_probe_that_finishes_a_minute_after_its_deadline_finds_those_that_started_after_it() -> None:
    collected = evidence(
        *(ended(n, Outcome.DELIVERED, name="mta2", on="outbound", started=n * SECOND) for n in (10, 50, 51)),
        *(ended(n, Outcome.DELIVERED, name="mta3", on="outbound", started=n * SECOND) for n in (52, 98)),
        ended(1, Outcome.MISSING, on="outbound", took=100 * SECOND),
    )
    assert weights(collected) == [Weight.AGAINST]


def test_a_case_stays_open_for_a_whole_interval_however_long() -> None:
    collected = evidence(
        ended(1, Outcome.MISSING, on="seldom"),
        *(ended(n, Outcome.DELIVERED, started=n * SECOND) for n in range(2, 290, 60)),
    )
    collected.add(ended(300, Outcome.DELIVERED, name="mta2", on="seldom", started=300 * SECOND))
    assert weights(collected)[0] is Weight.AGAINST


@pytest.mark.parametrize("set_back", [timedelta(0), timedelta(days=1)], ids=["", "set back"])
def test_what_can_no_longer_matter_is_let_go(set_back: timedelta) -> None:
    before = finished_in_memory()
    collected = evidence(ended(1, Outcome.DELIVERED, started=set_back))
    for n in range(2, 2000):
        outcome = Outcome.MISSING if n % 2 else Outcome.UNREACHABLE
        collected.add(ended(n, outcome, name=MEMBERS[n % 3], started=n * 2 * SECOND))
    assert finished_in_memory() - before < len(MEMBERS) * (32 + 5) + 200


def test_members_that_have_long_been_gone_are_forgotten() -> None:
    before = finished_in_memory()
    collected = evidence(*(ended(n, Outcome.MISSING, name=f"gone{n}", started=n * SECOND) for n in range(1, 300)))
    assert finished_in_memory() - before >= 299
    for hour in range(1, 5):
        collected.add(ended(1000 + hour, Outcome.DELIVERED, started=timedelta(hours=hour)))
    assert collected.on("vip", "gone1") == []
    assert finished_in_memory() - before < 20


@pytest.mark.parametrize("stale_after, known", [(None, 0), (timedelta(hours=12), 1)])
def test_what_a_verdict_may_still_rest_on_is_not_forgotten(stale_after: timedelta | None, known: int) -> None:
    collected = Evidence(ROUTES, needed=5, stale_after=stale_after)
    collected.add(ended(1, Outcome.DELIVERED, name="mta2"))
    collected.add(ended(2, Outcome.DELIVERED, started=timedelta(hours=6)))
    assert len(collected.on("vip", "mta2")) == known


@given(stories(), st.randoms())
def test_whoever_came_to_know_of_the_same_probes_in_whatever_order_thinks_the_same(
    story: Sequence[Record], chance: Random
) -> None:
    shuffled = sorted(story, key=lambda record: (record.finished or NOON) + chance.randrange(20) * SECOND)
    assert all(told(evidence(*shuffled), name) == told(evidence(*story), name) for name in MEMBERS)


def told(collected: Evidence, name: str) -> list[tuple[str, Weight]]:
    return [(probe.probe_id, weight) for probe, weight in collected.on("vip", name)]


def test_after_the_clock_was_set_back_probes_are_heard_as_before() -> None:
    collected = evidence(ended(1, Outcome.DELIVERED, started=timedelta(hours=1)))
    collected.add(ended(2, Outcome.MISSING))
    collected.add(ended(3, Outcome.DELIVERED, name="mta2"))
    assert weights(collected) == [Weight.FOR, Weight.AGAINST]


def test_only_so_many_probes_of_a_member_are_kept() -> None:
    collected = evidence(*(ended(number, Outcome.DELIVERED) for number in range(1, 100)))
    kept = [probe.probe_id for probe, _ in collected.on("vip", "mta1")]
    assert len(kept) == 32 + 5
    assert kept[-1] == a_probe(99).id


def test_a_probe_of_a_route_that_is_no_longer_configured_tells_nothing() -> None:
    collected = evidence(ended(1, Outcome.MISSING, on="former"))
    assert collected.changed() == set()
    assert collected.on("vip", "mta1") == []


def test_a_probe_in_flight_tells_nothing() -> None:
    assert evidence(Record(a_probe())).changed() == set()


def test_members_that_fail_alike_share_their_fault_and_one_that_does_not_ends_it() -> None:
    collected = evidence(*(ended(n, Outcome.MISSING, name=name) for n, name in enumerate(MEMBERS, start=1)))
    assert collected.blame(ROUTES["inbound"], MEMBERS)
    assert not collected.blame(ROUTES["outbound"], MEMBERS)
    assert not collected.blame(ROUTES["inbound"], ["mta1", "mta9"])
    collected.add(ended(7, Outcome.DELIVERED, name="mta2", started=5 * SECOND))
    assert not collected.blame(ROUTES["inbound"], MEMBERS)


def test_a_vip_that_nobody_gave_a_name_behind_is_held_against_no_member_whatever_others_do() -> None:
    vip = [
        ended(number, Outcome.UNREACHABLE, name=name, started=number * SECOND, ending=Ending.NAMELESS)
        for number, name in enumerate(("mta1", "mta2"))
    ]
    collected = evidence(*vip, ended(5, Outcome.DELIVERED, name="mta3", on="outbound", started=5 * SECOND))
    assert weights(collected, "mta1") == weights(collected, "mta2") == [Weight.NEITHER]
    assert collected.blame(ROUTES["inbound"], ("mta1", "mta2"))


def test_a_probe_nobody_can_tell_of_does_not_end_a_shared_fault() -> None:
    collected = evidence(*(ended(n, Outcome.MISSING, name=name) for n, name in enumerate(MEMBERS, start=1)))
    collected.add(ended(7, Outcome.UNKNOWN, name="mta2", started=5 * SECOND))
    assert collected.blame(ROUTES["inbound"], MEMBERS)
