from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.blame import Finished, Weight, shared_fault, weigh
from probe.model.outcome import Outcome, Stage
from tests.model.build import MINUTE, NOW, SECOND, TICK, finished

ARRIVED = {Outcome.DELIVERED, Outcome.JUNKED, Outcome.ALTERED, Outcome.MISROUTED}
CONVICTED_BY: dict[Outcome, set[Outcome]] = {
    Outcome.JUNKED: set(),
    Outcome.ALTERED: {Outcome.DELIVERED, Outcome.JUNKED},
    Outcome.MISROUTED: {Outcome.DELIVERED, Outcome.JUNKED},
    Outcome.BOUNCED: ARRIVED,
    Outcome.MISSING: ARRIVED,
    Outcome.REJECTED: ARRIVED | {Outcome.ACCEPTED},
    Outcome.DEFERRED: ARRIVED | {Outcome.ACCEPTED},
    Outcome.UNREACHABLE: set(Outcome) - {Outcome.UNREACHABLE, Outcome.UNKNOWN},
    Outcome.UNKNOWN: set(),
}
"""For each outcome of a member, which outcomes of another one at the same time make it speak against the member."""
FAILURES = [outcome for outcome, by in CONVICTED_BY.items() if by]


def other(outcome: Outcome, *, after: timedelta = SECOND, **how: object) -> Finished:
    return finished(outcome, member="mta2", started=NOW + after, **how)  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize("others", Outcome)
@pytest.mark.parametrize("own", CONVICTED_BY)
def test_a_failure_counts_only_beside_others_that_fare_better(own: Outcome, others: Outcome) -> None:
    expected = Weight.AGAINST if others in CONVICTED_BY[own] else Weight.NEITHER
    assert weigh(finished(own), [other(others)]) is expected


@pytest.mark.parametrize("others", Outcome)
def test_a_success_speaks_for_the_member_whatever_others_do(others: Outcome) -> None:
    assert weigh(finished(Outcome.DELIVERED), [other(others)]) is Weight.FOR
    assert weigh(finished(Outcome.DELIVERED), []) is Weight.FOR


@pytest.mark.parametrize("own", CONVICTED_BY)
def test_a_member_without_others_is_never_convicted(own: Outcome) -> None:
    same_member = finished(Outcome.DELIVERED, started=NOW + SECOND)
    assert weigh(finished(own), []) is Weight.NEITHER
    assert weigh(finished(own), [same_member]) is Weight.NEITHER


@pytest.mark.parametrize(
    "enhanced_code, weight", [("4.7.1", Weight.NEITHER), ("4.7.0", Weight.AGAINST), (None, Weight.AGAINST)]
)
def test_greylisting_never_speaks_against_a_member(enhanced_code: str | None, weight: Weight) -> None:
    own = finished(Outcome.DEFERRED, stage=Stage.DATA, enhanced_code=enhanced_code)
    assert weigh(own, [finished(Outcome.DELIVERED, member="mta2")]) is weight


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("own", [Outcome.REJECTED, Outcome.DEFERRED])
def test_a_refusal_at_rcpt_or_auth_speaks_of_the_set_up(own: Outcome, stage: Stage) -> None:
    weight = weigh(finished(own, stage=stage), [other(Outcome.DELIVERED)])
    set_up = stage in {Stage.RCPT, Stage.AUTH, Stage.QUIT}
    assert weight is (Weight.NEITHER if set_up else Weight.AGAINST)


@pytest.mark.parametrize(
    "own, others, weight",
    [
        (Outcome.REJECTED, Outcome.REJECTED, Weight.FOR),
        (Outcome.DELIVERED, Outcome.REJECTED, Weight.AGAINST),  # it takes what the others refuse
        (Outcome.DELIVERED, Outcome.DELIVERED, Weight.NEITHER),
        (Outcome.MISSING, Outcome.REJECTED, Weight.AGAINST),
        (Outcome.UNREACHABLE, Outcome.REJECTED, Weight.AGAINST),
        (Outcome.ACCEPTED, Outcome.REJECTED, Weight.AGAINST),
    ],
)
def test_on_a_route_that_expects_refusal_the_expected_is_the_better(
    own: Outcome, others: Outcome, weight: Weight
) -> None:
    expected = Outcome.REJECTED
    assert weigh(finished(own, expected=expected), [other(others, expected=expected)]) is weight


@pytest.mark.parametrize(
    "after, counts",
    [
        (-MINUTE - TICK, False),
        (-MINUTE, True),
        (-TICK, True),
        (timedelta(0), True),
        (MINUTE, True),
        (MINUTE + TICK, False),
    ],
)
def test_others_count_when_their_turn_is_within_an_interval(after: timedelta, counts: bool) -> None:
    weight = weigh(finished(Outcome.MISSING), [other(Outcome.DELIVERED, after=after)])
    assert (weight is Weight.AGAINST) is counts


def test_those_after_it_outweigh_those_before() -> None:
    own = finished(Outcome.MISSING)
    before, after = timedelta(seconds=-1), timedelta(seconds=1)
    fine_before, fails_after = other(Outcome.DELIVERED, after=before), other(Outcome.MISSING, after=after)
    fails_before, fine_after = other(Outcome.MISSING, after=before), other(Outcome.DELIVERED, after=after)
    assert weigh(own, [fine_before, fails_after]) is Weight.NEITHER
    assert weigh(own, [fails_before, fine_after]) is Weight.AGAINST


def test_one_that_fares_better_is_enough() -> None:
    others = [other(Outcome.MISSING), other(Outcome.DELIVERED, after=2 * SECOND), other(Outcome.MISSING)]
    assert weigh(finished(Outcome.MISSING), others) is Weight.AGAINST


def test_only_while_nobody_after_it_can_tell_those_before_decide() -> None:
    own, heard = finished(Outcome.MISSING), [other(Outcome.DELIVERED, after=-SECOND)]
    assert weigh(own, heard) is Weight.AGAINST
    heard.append(other(Outcome.UNKNOWN))
    assert weigh(own, heard) is Weight.AGAINST
    heard.append(other(Outcome.MISSING))
    assert weigh(own, heard) is Weight.NEITHER


@pytest.mark.parametrize("own", FAILURES)
@pytest.mark.parametrize("where", [{"route": "outbound"}, {"route": "outbound", "pool": "exchangers"}], ids=str)
def test_other_routes_tell_nothing(own: Outcome, where: dict[str, Any]) -> None:
    assert weigh(finished(own), [other(Outcome.DELIVERED, **where)]) is Weight.NEITHER


@pytest.mark.parametrize("elsewhere", [Outcome.UNREACHABLE, Outcome.DELIVERED])
def test_when_a_whole_pool_is_out_of_reach_nobody_is_convicted_whatever_other_pools_do(elsewhere: Outcome) -> None:
    others = [other(Outcome.UNREACHABLE), other(elsewhere, pool="exchangers", route="outbound")]
    assert weigh(finished(Outcome.UNREACHABLE), others) is Weight.NEITHER


MISSING, ALTERED, BOUNCED, GONE = Outcome.MISSING, Outcome.ALTERED, Outcome.BOUNCED, Outcome.UNREACHABLE


@pytest.mark.parametrize(
    "own, others, weight",
    [
        # All lose mail, and one of them is gone as well.
        (GONE, [MISSING, MISSING, MISSING], Weight.AGAINST),
        (MISSING, [GONE, MISSING, MISSING], Weight.NEITHER),
        # One cause that shows in two ways.
        (MISSING, [BOUNCED, BOUNCED, MISSING], Weight.NEITHER),
        (BOUNCED, [BOUNCED, MISSING, MISSING], Weight.NEITHER),
        # Mail arrives altered from all but one.
        (MISSING, [ALTERED, ALTERED, ALTERED], Weight.AGAINST),
        # Nobody works, and who is worse off is not alone with it.
        (MISSING, [ALTERED, ALTERED, MISSING], Weight.NEITHER),
        (GONE, [Outcome.REJECTED, Outcome.DEFERRED, GONE], Weight.NEITHER),
        (GONE, [Outcome.REJECTED, Outcome.DEFERRED, Outcome.REJECTED], Weight.AGAINST),
        # Those that take messages show that the way to the pool works, however many others are gone.
        (GONE, [MISSING, GONE, GONE], Weight.AGAINST),
        # Who refuses what others take and lose is the honest one.
        (Outcome.REJECTED, [MISSING, MISSING, MISSING], Weight.NEITHER),
        # One for whom all works convicts everybody who fails.
        (MISSING, [Outcome.DELIVERED, MISSING, MISSING], Weight.AGAINST),
        (BOUNCED, [Outcome.DELIVERED, BOUNCED, MISSING], Weight.AGAINST),
        (MISSING, [Outcome.JUNKED, MISSING, MISSING], Weight.AGAINST),
    ],
    ids=str,
)
def test_where_it_works_for_nobody_only_who_is_alone_with_the_worst_is_convicted(
    own: Outcome, others: list[Outcome], weight: Weight
) -> None:
    heard = [replace(other(outcome), member=f"mta{number}") for number, outcome in enumerate(others, start=2)]
    assert weigh(finished(own), heard) is weight


@pytest.mark.parametrize("own", FAILURES)
@pytest.mark.parametrize(
    "taken, under_way, convicted",
    [
        (True, False, {Outcome.UNREACHABLE, Outcome.REJECTED, Outcome.DEFERRED}),
        (True, True, {Outcome.UNREACHABLE}),
        (False, False, set()),
    ],
    ids=["nobody can tell what became of it", "it is under way", "it was not taken"],
)
def test_a_message_that_was_taken_convicts_those_that_do_not_come_so_far(
    own: Outcome, taken: bool, under_way: bool, convicted: set[Outcome]
) -> None:
    heard = [replace(other(Outcome.UNKNOWN), taken=taken, under_way=under_way)]
    assert weigh(finished(own), heard) is (Weight.AGAINST if own in convicted else Weight.NEITHER)


@pytest.mark.parametrize("others", Outcome)
def test_a_vip_that_nobody_gave_a_name_behind_is_held_against_no_member(others: Outcome) -> None:
    own = replace(finished(Outcome.UNREACHABLE), nameless=True)
    assert weigh(own, [other(others), other(others, pool="exchangers", route="outbound")]) is Weight.NEITHER


@pytest.mark.parametrize(
    "outcomes, shared",
    [
        ([], False),
        ([Outcome.MISSING], False),
        ([Outcome.MISSING, Outcome.MISSING], True),
        ([Outcome.MISSING, Outcome.REJECTED], True),
        ([Outcome.MISSING, Outcome.MISSING, Outcome.UNREACHABLE], True),
        ([Outcome.MISSING, Outcome.DELIVERED], False),
        ([Outcome.DELIVERED, Outcome.DELIVERED], False),
        ([Outcome.UNKNOWN, Outcome.UNKNOWN], False),
        ([Outcome.JUNKED, Outcome.JUNKED, Outcome.JUNKED], True),
    ],
)
def test_a_fault_is_shared_when_it_works_for_none_of_two_or_more(outcomes: list[Outcome], shared: bool) -> None:
    latest = [finished(outcome, member=f"mta{number}") for number, outcome in enumerate(outcomes)]
    assert shared_fault(latest) is shared


def test_members_that_refuse_as_expected_share_no_fault() -> None:
    latest = [finished(Outcome.REJECTED, member=name, expected=Outcome.REJECTED) for name in ("mta1", "mta2")]
    assert not shared_fault(latest)


# What the rules come to over time: members whose turns are spread over the interval, and an outage of what they share.

ROUNDS = 12
PHASES = st.lists(st.integers(0, 59), min_size=2, max_size=6, unique=True)


def turns(member: str, phase: int, *, bad: range, outcome: Outcome, minutes: int = 1, **how: str) -> list[Finished]:
    """Return the probes of a member; those that start within the seconds ``bad`` fail."""
    starts = range(phase, ROUNDS * 60, minutes * 60)
    return [
        finished(
            outcome if second in bad else Outcome.DELIVERED,
            member=member,
            started=NOW + second * SECOND,
            interval=minutes * MINUTE,
            **how,  # type: ignore[arg-type]  # pool and route
        )
        for second in starts
    ]


def longest_row(probes: list[Finished], everything: list[Finished]) -> int:
    weights = [weight for probe in probes if (weight := weigh(probe, everything)) is not Weight.NEITHER]
    rows = (len(list(row)) for weight, row in groupby(weights) if weight is Weight.AGAINST)
    return max(rows, default=0)


@given(
    phases=PHASES,
    start=st.integers(0, 300),
    length=st.integers(0, 400),
    outcome=st.sampled_from(FAILURES),
)
def test_an_outage_of_what_members_share_is_held_against_each_only_once(
    phases: list[int], start: int, length: int, outcome: Outcome
) -> None:
    bad = range(start, start + length)
    members = [turns(f"mta{phase}", phase, bad=bad, outcome=outcome) for phase in phases]
    everything = [probe for member in members for probe in member]
    assert max(longest_row(member, everything) for member in members) <= 1


@given(phases=PHASES, slow=st.integers(0, 299), start=st.integers(0, 300), length=st.integers(0, 400))
def test_an_outage_of_our_network_is_held_against_each_only_once_whatever_the_intervals(
    phases: list[int], slow: int, start: int, length: int
) -> None:
    bad = range(start, start + length)
    members = [turns(f"mta{phase}", phase, bad=bad, outcome=Outcome.UNREACHABLE) for phase in phases]
    seldom = turns("mx", slow, bad=bad, outcome=Outcome.UNREACHABLE, minutes=5, pool="exchangers", route="outbound")
    everything = [probe for member in [*members, seldom] for probe in member]
    assert max(longest_row(member, everything) for member in [*members, seldom]) <= 1


@given(phases=st.lists(st.integers(0, 59), min_size=4, max_size=4, unique=True), outcome=st.sampled_from(FAILURES))
def test_one_of_four_that_fails_has_all_its_probes_against_it(phases: list[int], outcome: Outcome) -> None:
    healthy = [turns(f"mta{phase}", phase, bad=range(0), outcome=outcome) for phase in phases[1:]]
    sick = turns("sick", phases[0], bad=range(ROUNDS * 60), outcome=outcome)
    everything = [*sick, *(probe for member in healthy for probe in member)]
    assert longest_row(sick, everything) == ROUNDS
    assert all(longest_row(member, everything) == 0 for member in healthy)
