"""The evidence on every member."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from probe.engine.evidence import Evidence
from probe.model.blame import Finished, Weight, weigh
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Judgement, Record, Sending
from probe.model.reply import Ending
from tests.engine.fakes import NOON
from tests.engine.scene import SECOND, a_probe, route

ROUTES = {"inbound": route("inbound"), "outbound": route("outbound", interval=20 * SECOND)}
MEMBERS = ("mta1", "mta2", "mta3")


def ended(
    number: int,
    outcome: Outcome,
    *,
    name: str = "mta1",
    on: str = "inbound",
    started: timedelta = timedelta(0),
    took: timedelta = SECOND,
    stage: Stage = Stage.DATA,
) -> Record:
    """A probe that has its outcome."""
    began = NOON + started
    return Record(
        replace(a_probe(number, name=name, at=began), route=on),
        attempts=1,
        sending=Sending(Ending.ACCEPTED, stage, "its words"),
        judgement=Judgement(outcome, f"it was {outcome}"),
        finished=began + took,
    )


def evidence(*records: Record) -> Evidence:
    collected = Evidence(ROUTES, needed=5)
    for record in records:
        collected.add(record)
    return collected


def weights(collected: Evidence, name: str = "mta1") -> list[Weight]:
    return [weight for _, weight in collected.on("vip", name)]


records = st.builds(
    lambda number, outcome, name, on, started, took, stage: ended(
        number, outcome, name=name, on=on, started=started * SECOND, took=took * SECOND, stage=stage
    ),
    number=st.integers(1, 10**6),
    outcome=st.sampled_from(Outcome),
    name=st.sampled_from(MEMBERS),
    on=st.sampled_from(tuple(ROUTES)),
    started=st.integers(0, 60),
    took=st.integers(0, 12),
    stage=st.sampled_from(Stage),
)
stories = st.lists(records, max_size=25, unique_by=lambda record: record.probe.id).map(
    lambda story: sorted(story, key=lambda record: record.finished or NOON)
)


@given(stories)
def test_hearing_probes_one_by_one_comes_to_the_same_as_hearing_all_at_the_end(story: Sequence[Record]) -> None:
    collected = evidence(*story)
    told = {name: collected.on("vip", name) for name in MEMBERS}
    everything: list[Finished] = [probe for of_member in told.values() for probe, _ in of_member]
    assert len(everything) == len(story)
    for of_member in told.values():
        for probe, weight in of_member:
            assert weight is weigh(probe, everything)


@given(stories)
def test_whoever_is_not_named_as_changed_has_not_changed(story: Sequence[Record]) -> None:
    collected = evidence()
    before = {name: weights(collected, name) for name in MEMBERS}
    for record in story:
        collected.add(record)
        changed = collected.changed()
        now = {name: weights(collected, name) for name in MEMBERS}
        assert {("vip", name) for name in MEMBERS if now[name] != before[name]} <= changed
        before = now
    assert collected.changed() == set()


def test_a_failure_speaks_against_a_member_once_another_fares_better() -> None:
    collected = evidence(ended(1, Outcome.MISSING))
    assert weights(collected) == [Weight.NEITHER]
    collected.add(ended(2, Outcome.DELIVERED, name="mta2", started=2 * SECOND))
    assert weights(collected) == [Weight.AGAINST]
    assert collected.changed() == {("vip", "mta1"), ("vip", "mta2")}


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
    assert collected.shared_fault("vip", "inbound", MEMBERS)
    assert not collected.shared_fault("vip", "outbound", MEMBERS)
    assert not collected.shared_fault("vip", "inbound", ["mta1", "mta9"])
    collected.add(ended(7, Outcome.DELIVERED, name="mta2", started=5 * SECOND))
    assert not collected.shared_fault("vip", "inbound", MEMBERS)


def test_a_probe_nobody_can_tell_of_does_not_end_a_shared_fault() -> None:
    collected = evidence(*(ended(n, Outcome.MISSING, name=name) for n, name in enumerate(MEMBERS, start=1)))
    collected.add(ended(7, Outcome.UNKNOWN, name="mta2", started=5 * SECOND))
    assert collected.shared_fault("vip", "inbound", MEMBERS)
