from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.blame import Finished, Weighed, Weight
from probe.model.outcome import Outcome, State
from probe.model.settings import HealthPolicy, Share
from probe.model.verdict import (
    NO_OPINION,
    Opinion,
    Verdict,
    form,
    guard,
    joined,
    latest,
    loses,
    remembered,
)
from tests.model.build import MINUTE, NOW, SECOND, TICK, finished

POLICY = HealthPolicy(rise=2, fall=3)
STALE = 8 * MINUTE
WAS_UP = Opinion(State.UP, "2 probes in a row delivered", ("old",), NOW)
WAS_DOWN = Opinion(State.DOWN, "3 probes in a row missing", ("old",), NOW, against=3)
HALF = Share(ratio=0.5)

_MEANING = {
    "+": (Outcome.DELIVERED, Weight.FOR),
    "-": (Outcome.MISSING, Weight.AGAINST),
    "s": (Outcome.MISSING, Weight.NEITHER),  # all members share it
    "?": (Outcome.UNKNOWN, Weight.NEITHER),
}


def evidence(story: str) -> list[Weighed]:
    """Return one probe for each sign, a minute apart; a blank is a minute without one."""
    weighed = []
    for minute, sign in enumerate(story):
        if sign != " ":
            outcome, weight = _MEANING[sign]
            weighed.append((finished(outcome, started=NOW + minute * MINUTE, probe_id=str(minute)), weight))
    return weighed


def opinion(
    story: str, previous: Opinion = NO_OPINION, *, policy: HealthPolicy = POLICY, age: timedelta = timedelta(0)
) -> Opinion:
    """Form an opinion at the moment when the newest probe is so old."""
    weighed = evidence(story)
    now = (weighed[-1][0].finished if weighed else NOW) + age
    return form(previous, weighed, policy=policy, stale_after=STALE, now=now)


@pytest.mark.parametrize(
    "story, previous, state",
    [
        ("", NO_OPINION, State.UNKNOWN),
        ("+", NO_OPINION, State.UNKNOWN),
        ("++", NO_OPINION, State.UP),
        ("-", NO_OPINION, State.UNKNOWN),
        ("--", NO_OPINION, State.UNKNOWN),
        ("---", NO_OPINION, State.DOWN),
        ("-", WAS_UP, State.UP),
        ("--", WAS_UP, State.UP),
        ("---", WAS_UP, State.DOWN),
        ("+", WAS_DOWN, State.DOWN),
        ("++", WAS_DOWN, State.UP),
        ("--+-", WAS_UP, State.UP),
        ("--+--", WAS_UP, State.UP),
        ("--+---", WAS_UP, State.DOWN),
        ("+-+-+-", WAS_UP, State.UP),
        ("-+-+-+", WAS_DOWN, State.DOWN),
        ("--?-", WAS_UP, State.DOWN),
        ("--??", WAS_UP, State.UP),
        ("+?+", WAS_DOWN, State.UP),
        ("+???", WAS_DOWN, State.DOWN),
        ("--s-", WAS_UP, State.DOWN),
        ("--ss", WAS_UP, State.UP),
        ("++sss", WAS_UP, State.UP),
        ("---sss", WAS_DOWN, State.DOWN),
    ],
)
def test_a_member_rises_and_falls_by_rows_of_probes(story: str, previous: Opinion, state: State) -> None:
    assert opinion(story, previous).state is state


@pytest.mark.parametrize("rise, fall", [(1, 1), (2, 3), (5, 4)])
def test_rows_are_as_long_as_the_policy_has_them(rise: int, fall: int) -> None:
    policy = HealthPolicy(rise=rise, fall=fall)
    assert opinion("-" * (fall - 1), WAS_UP, policy=policy).state is State.UP
    assert opinion("-" * fall, WAS_UP, policy=policy).state is State.DOWN
    assert opinion("+" * (rise - 1), WAS_DOWN, policy=policy).state is State.DOWN
    assert opinion("+" * rise, WAS_DOWN, policy=policy).state is State.UP


def test_the_probes_it_rests_on_are_named_newest_first() -> None:
    down = opinion("+----", WAS_UP)
    assert down.evidence == ("4", "3", "2")
    assert down.evidence_at == NOW + 4 * MINUTE + SECOND
    assert down.against == 4
    assert down.reason == "3 probes in a row missing: it was missing"


def other(*story: tuple[Outcome, timedelta], route: str = "inbound") -> list[Finished]:
    """Return probes of another member: how each ended, and how long after noon it was started."""
    return [finished(outcome, member="mta2", started=NOW + after, route=route) for outcome, after in story]


AT_ONCE = timedelta(0)
SOUND, BAD = other((Outcome.DELIVERED, AT_ONCE)), other((Outcome.MISSING, AT_ONCE))
UNSTEADY = other((Outcome.MISSING, AT_ONCE), (Outcome.DELIVERED, SECOND))


def beside(others: Sequence[Sequence[Finished]], previous: Opinion = WAS_UP) -> Opinion:
    """Form an opinion of a member that lost three messages in a row while others fared so."""
    story = evidence("---")
    return form(previous, story, policy=POLICY, stale_after=STALE, now=story[-1][0].finished, others=others)


@pytest.mark.parametrize(
    "others, state",
    [
        ([], State.DOWN),
        ([SOUND, SOUND, SOUND], State.DOWN),
        ([BAD, BAD, SOUND], State.DOWN),  # one sound member is a witness against three
        ([UNSTEADY, SOUND, SOUND], State.DOWN),
        ([UNSTEADY, UNSTEADY, SOUND], State.UP),
        ([UNSTEADY, UNSTEADY, SOUND, SOUND], State.UP),
        ([UNSTEADY], State.UP),
        ([other((Outcome.MISSING, AT_ONCE), (Outcome.DELIVERED, SECOND), route="outbound")], State.DOWN),
    ],
)
def test_nobody_goes_down_while_most_others_fail_now_and_then(
    others: Sequence[Sequence[Finished]], state: State
) -> None:
    assert beside(others).state is state


@pytest.mark.parametrize(
    "outcomes, state",
    [
        ((Outcome.ALTERED, Outcome.ALTERED), State.DOWN),
        ((Outcome.ALTERED, Outcome.MISSING), State.UP),  # one filter that damages mail, and loses it now and then
        ((Outcome.ALTERED, Outcome.DELIVERED), State.UP),
        ((Outcome.BOUNCED, Outcome.MISSING), State.DOWN),
        ((Outcome.JUNKED, Outcome.DELIVERED), State.DOWN),
        ((Outcome.UNREACHABLE, Outcome.MISSING), State.DOWN),
    ],
    ids=str,
)
def test_others_are_unsteady_that_fare_as_badly_now_and_better_then(
    outcomes: tuple[Outcome, Outcome], state: State
) -> None:
    first, then = outcomes
    assert beside([other((first, AT_ONCE), (then, SECOND))]).state is state


@pytest.mark.parametrize("before, state", [(MINUTE, State.UP), (MINUTE + TICK, State.DOWN)])
def test_what_others_did_counts_since_an_interval_before_the_row(before: timedelta, state: State) -> None:
    assert beside([other((Outcome.MISSING, -before), (Outcome.DELIVERED, AT_ONCE))]).state is state


def test_a_member_that_is_down_stays_so_while_others_become_unsteady() -> None:
    assert beside([UNSTEADY] * 3, WAS_DOWN).state is State.DOWN


def started(probes: Sequence[Finished]) -> list[tuple[str, Outcome, timedelta]]:
    return [(probe.route, probe.outcome, probe.started - NOW) for probe in probes]


def test_the_latest_of_a_member_are_told_for_each_outcome_by_their_start() -> None:
    told = started(latest(evidence("+-?+-s")))
    assert told == [("inbound", Outcome.DELIVERED, 3 * MINUTE), ("inbound", Outcome.MISSING, 5 * MINUTE)]
    assert latest(evidence("?")) == []


def test_the_latest_of_a_member_are_told_by_route() -> None:
    elsewhere = finished(Outcome.MISSING, route="outbound", started=NOW)
    told = started(latest([(elsewhere, Weight.NEITHER), *evidence("+")]))
    assert told == [("outbound", Outcome.MISSING, AT_ONCE), ("inbound", Outcome.DELIVERED, AT_ONCE)]


def test_a_fault_that_meets_every_route_once_is_no_row() -> None:
    once = [
        (finished(Outcome.MISSING, route=route, probe_id=route), Weight.AGAINST) for route in ("one", "two", "three")
    ]
    assert form(WAS_UP, once, policy=POLICY, stale_after=STALE, now=NOW + SECOND).state is State.UP


def test_several_routes_that_fail_again_and_again_take_a_member_down() -> None:
    rounds = [
        (finished(Outcome.MISSING, route=route, started=NOW + minute * MINUTE), Weight.AGAINST)
        for minute in range(3)
        for route in ("one", "two")
    ]
    down = form(WAS_UP, rounds, policy=POLICY, stale_after=STALE, now=NOW + 2 * MINUTE + SECOND)
    assert (down.state, down.against) == (State.DOWN, 3)


GONE, LOST, FINE = Outcome.UNREACHABLE, Outcome.MISSING, Outcome.DELIVERED


def told(*story: tuple[str, Outcome, int], shared: Sequence[int] = ()) -> list[Weighed]:
    """Return probes by route, outcome and the second of their start; those at ``shared`` seconds excuse the member."""
    weights = {Outcome.DELIVERED: Weight.FOR, Outcome.UNKNOWN: Weight.NEITHER}
    return [
        (
            finished(outcome, route=route, started=NOW + second * SECOND, probe_id=f"{route}{second}"),
            Weight.NEITHER if second in shared else weights.get(outcome, Weight.AGAINST),
        )
        for route, outcome, second in story
    ]


def after(story: list[Weighed], previous: Opinion = WAS_UP) -> Opinion:
    return form(previous, story, policy=POLICY, stale_after=STALE, now=story[-1][0].finished)


@pytest.mark.parametrize(
    "story, shared, state",
    [
        # Three routes an interval of a minute apart, one try of 40 seconds after the other.
        ([("a", GONE, 0), ("b", GONE, 40), ("c", GONE, 80), ("a", GONE, 120)], (), State.DOWN),
        # An outage of a moment meets one probe of every route.
        ([("a", GONE, 0), ("b", GONE, 40), ("c", GONE, 80), ("a", GONE, 119)], (), State.UP),
        # A connection in between.
        ([("a", GONE, 0), ("b", FINE, 40), ("c", GONE, 80), ("a", GONE, 120), ("b", GONE, 160)], (), State.UP),
        # What it took before it froze is lost, and known to be so only later.
        ([("a", LOST, -20), ("b", GONE, 0), ("c", GONE, 60), ("a", GONE, 120)], (), State.DOWN),
        ([("a", GONE, 0), ("b", Outcome.UNKNOWN, 40), ("c", GONE, 80), ("a", GONE, 120)], (), State.DOWN),
        # One that all members shared shows the others to be the edges of an outage.
        ([("a", GONE, 0), ("b", GONE, 40), ("c", GONE, 80), ("a", GONE, 120)], (40,), State.UP),
        # Two are too few, however far apart.
        ([("a", GONE, 0), ("b", GONE, 240)], (), State.UP),
    ],
)
def test_failed_connections_are_a_row_whatever_their_routes_if_they_last_as_long(
    story: list[tuple[str, Outcome, int]], shared: Sequence[int], state: State
) -> None:
    assert after(told(*story, shared=shared)).state is state


def test_failed_connections_of_several_routes_are_all_named() -> None:
    down = after(told(("a", GONE, 0), ("b", GONE, 40), ("c", GONE, 80), ("a", GONE, 120)))
    assert (down.evidence, down.against) == (("a120", "c80", "b40", "a0"), 4)
    assert down.reason == "4 probes in a row unreachable: it was unreachable"


LOSES_ON_B = [("b", LOST, 1), ("a", FINE, 30), ("b", LOST, 61), ("a", FINE, 90), ("b", LOST, 121), ("a", FINE, 150)]


@pytest.mark.parametrize(
    "story, previous, state",
    [
        (LOSES_ON_B, WAS_UP, State.DOWN),
        (LOSES_ON_B[2:], WAS_UP, State.UP),
        ([*LOSES_ON_B, ("b", FINE, 181), ("a", FINE, 210)], WAS_DOWN, State.DOWN),
        ([*LOSES_ON_B, ("b", FINE, 181), ("a", FINE, 210), ("b", FINE, 241)], WAS_DOWN, State.UP),
    ],
)
def test_what_a_route_shows_again_and_again_is_not_undone_by_another_one(
    story: list[tuple[str, Outcome, int]], previous: Opinion, state: State
) -> None:
    assert after(told(*story), previous).state is state


@pytest.mark.parametrize("minutes, state", [(6, State.DOWN), (9, State.UP)])
@pytest.mark.parametrize("on_b", [Outcome.UNKNOWN, Outcome.JUNKED])
def test_a_route_of_which_nobody_can_tell_any_more_keeps_no_member_down(
    on_b: Outcome, minutes: int, state: State
) -> None:
    told_since = [
        (route, {"a": FINE, "b": on_b}[route], 180 + 60 * minute) for minute in range(minutes) for route in "ba"
    ]
    story = [
        (probe, Weight.NEITHER if probe.outcome is on_b else weight) for probe, weight in told(*LOSES_ON_B, *told_since)
    ]
    assert after(story, WAS_DOWN).state is state


@pytest.mark.parametrize(
    "since, state",
    [
        ([("a", FINE, 180)], State.DOWN),
        ([("a", FINE, 180), ("a", FINE, 240)], State.UP),
        ([("a", FINE, 180), ("b", GONE, 200), ("a", FINE, 240), ("a", FINE, 300)], State.DOWN),
    ],
)
def test_who_was_dead_lives_again_once_it_is_reached_on_whatever_route(
    since: list[tuple[str, Outcome, int]], state: State
) -> None:
    gone = [(route, GONE, 60 * minute) for minute in range(3) for route in "ab"]
    assert after(told(*gone, *since), WAS_DOWN).state is state


def test_too_few_failures_leave_the_reason_and_the_probes_it_rests_on() -> None:
    still_up = opinion("--", WAS_UP)
    assert (still_up.state, still_up.evidence, still_up.reason) == (State.UP, WAS_UP.evidence, WAS_UP.reason)


@pytest.mark.parametrize("story, last", [("ss", "it was missing"), ("??", "it was unknown")])
def test_probes_that_prove_nothing_are_not_called_stale_and_the_last_one_says_why(story: str, last: str) -> None:
    assert opinion(story).reason == f"its probes prove nothing about it; the last one: {last}"


def test_a_failure_that_is_expected_is_called_so() -> None:
    wanted = finished(Outcome.REJECTED, expected=Outcome.REJECTED)
    up = form(WAS_DOWN, [(wanted, Weight.FOR)] * 2, policy=POLICY, stale_after=STALE, now=NOW + SECOND)
    assert up.reason == "2 probes in a row rejected, as expected: it was rejected"


@pytest.mark.parametrize(
    "outcome, expected, words",
    [
        (Outcome.DELIVERED, Outcome.REJECTED, "delivered instead of rejected"),
        (Outcome.MISSING, Outcome.JUNKED, "missing instead of junked"),
        (Outcome.MISSING, Outcome.DELIVERED, "missing"),
        (Outcome.REJECTED, Outcome.ACCEPTED, "rejected"),
    ],
)
@pytest.mark.parametrize("weight, before_it", [(Weight.AGAINST, "3 probes in a row "), (Weight.NEITHER, "")])
def test_a_failure_says_what_was_expected_where_that_is_not_plain(
    outcome: Outcome, expected: Outcome, words: str, weight: Weight, before_it: str
) -> None:
    failed = finished(outcome, expected=expected)
    formed = form(WAS_UP, [(failed, weight)] * 3, policy=POLICY, stale_after=STALE, now=NOW + SECOND)
    assert (formed.failing or formed.reason) == f"{before_it}{words}: it was {outcome}"


def test_failures_of_which_different_things_were_expected_name_none() -> None:
    gone = [
        finished(Outcome.UNREACHABLE, started=NOW + n * MINUTE, expected=e)
        for n, e in enumerate((Outcome.DELIVERED, Outcome.REJECTED, Outcome.REJECTED))
    ]
    formed = form(
        WAS_UP, [(each, Weight.AGAINST) for each in gone], policy=POLICY, stale_after=STALE, now=NOW + 2 * MINUTE
    )
    assert formed.reason == "3 probes in a row unreachable: it was unreachable"


def test_a_single_probe_is_said_in_the_singular() -> None:
    assert opinion("+", policy=HealthPolicy(rise=1)).reason.startswith("1 probe in a row delivered")


@pytest.mark.parametrize(
    "story, reason",
    [
        ("", "no probe has finished yet"),
        ("+", "only 1 of the 2 probes in a row that are needed succeeded"),
        ("--", "only 2 of the 3 probes in a row that are needed failed"),
    ],
)
def test_too_little_evidence_says_what_is_missing(story: str, reason: str) -> None:
    assert opinion(story).reason == reason


@pytest.mark.parametrize("story, previous, fresh", [("++", WAS_UP, State.UP), ("---", WAS_DOWN, State.DOWN)])
@pytest.mark.parametrize("over", [-TICK, timedelta(0), TICK])
def test_stale_evidence_is_unknown(story: str, previous: Opinion, fresh: State, over: timedelta) -> None:
    formed = opinion(story, previous, age=STALE + over)
    assert formed.state is (fresh if over <= timedelta(0) else State.UNKNOWN)
    assert (formed.reason == "its evidence is stale") is (over > timedelta(0))


@pytest.mark.parametrize("story, previous, fresh", [("++", WAS_UP, State.UP), ("---", WAS_DOWN, State.DOWN)])
@pytest.mark.parametrize("over", [-TICK, timedelta(0), TICK])
def test_evidence_of_a_clock_that_ran_ahead_is_as_stale(
    story: str, previous: Opinion, fresh: State, over: timedelta
) -> None:
    assert opinion(story, previous, age=-STALE - over).state is (fresh if over <= timedelta(0) else State.UNKNOWN)


def test_probes_from_before_and_after_a_clock_was_set_back_are_no_row() -> None:
    ahead = [(finished(Outcome.MISSING, started=NOW + STALE + TICK), Weight.AGAINST)]
    since = evidence("--")
    assert form(WAS_UP, ahead + since, policy=POLICY, stale_after=STALE, now=since[-1][0].finished).state is State.UP


def test_probes_nobody_can_tell_of_do_not_keep_evidence_fresh() -> None:
    assert opinion("++       ?", WAS_UP).state is State.UP
    assert opinion("++        ?", WAS_UP, age=TICK).state is State.UNKNOWN


@pytest.mark.parametrize(
    "story, previous, state",
    [
        ("--       -", WAS_UP, State.DOWN),  # 8 minutes between the last two
        ("--        -", WAS_UP, State.UP),  # 9 minutes
        ("---        -", WAS_DOWN, State.DOWN),
        ("---        -", NO_OPINION, State.UNKNOWN),
        ("+        +", NO_OPINION, State.UNKNOWN),
        ("+       +", NO_OPINION, State.UP),
    ],
)
def test_a_silence_in_between_breaks_a_row(story: str, previous: Opinion, state: State) -> None:
    assert opinion(story, previous).state is state


@pytest.mark.parametrize("story", ["", "?", "   sss", "   ????"])
@pytest.mark.parametrize("previous", [WAS_UP, WAS_DOWN])
def test_an_opinion_whose_evidence_is_out_of_sight_is_held_while_it_is_fresh(story: str, previous: Opinion) -> None:
    since = replace(previous, evidence_at=NOW - MINUTE)
    fresh, stale = STALE - (len(story) + 1) * MINUTE, STALE
    assert opinion(story, since, age=fresh).state is previous.state
    assert opinion(story, since, age=stale).state is State.UNKNOWN


@pytest.mark.parametrize("fall", [1, 3])
def test_an_opinion_whose_evidence_was_withdrawn_is_not_held(fall: int) -> None:
    policy = HealthPolicy(fall=fall)
    down = opinion("-" * fall, NO_OPINION, policy=policy)
    assert down.state is State.DOWN
    assert opinion("s" * fall, down, policy=policy).state is State.UNKNOWN


def test_after_staleness_a_member_starts_from_unknown() -> None:
    stale = opinion("---", WAS_DOWN, age=STALE + TICK)
    assert opinion("+", stale).state is State.UNKNOWN
    assert opinion("-", stale).state is State.UNKNOWN


@pytest.mark.parametrize(
    "story, previous, excused",
    [
        ("++ss", WAS_UP, False),
        ("++sss", WAS_UP, True),
        ("++s?ss", WAS_UP, True),
        ("++ss+", WAS_UP, False),
        ("sss", NO_OPINION, True),
        ("-ss", WAS_UP, True),
        ("---", WAS_UP, False),  # down, and not excused
        ("---sss", WAS_DOWN, False),
    ],
)
def test_what_members_share_excuses_a_row_of_failures(story: str, previous: Opinion, excused: bool) -> None:
    assert opinion(story, previous).excused is excused


def test_an_excused_member_is_shown_as_guarded() -> None:
    verdict = guard({"mta1": opinion("++sss", WAS_UP)}, {}, changed=(), min_healthy=HALF, now=NOW)["mta1"]
    assert (verdict.state, verdict.guarded) == (State.UP, True)
    assert verdict.reason == (
        "its probes fail, but that does not speak against it alone: missing: it was missing; "
        "before: 2 probes in a row delivered: it was delivered"
    )


def test_that_it_flaps_is_told_and_is_not_remembered_as_a_part_of_the_reason() -> None:
    story = evidence("--")
    changes = [NOW - MINUTE] * 7
    flaps = form(WAS_UP, story, policy=POLICY, stale_after=STALE, now=story[-1][0].finished, changes=changes)
    told = guard({"mta1": flaps}, {}, changed=(), min_healthy=HALF, now=NOW)["mta1"]
    assert told.flapping
    assert told.reason == f"{WAS_UP.reason}; {flaps.flapping}"
    assert remembered(told).reason == WAS_UP.reason


@pytest.mark.parametrize("good, state", [(3, State.DOWN), (4, State.UP)])
def test_who_flaps_needs_more_good_probes_to_be_called_up(good: int, state: State) -> None:
    story = evidence("+" * good)
    changes = [NOW - MINUTE] * 7
    formed = form(WAS_DOWN, story, policy=POLICY, stale_after=STALE, now=story[-1][0].finished, changes=changes)
    assert formed.state is state


def against(*routes: str) -> list[Weighed]:
    """Return one probe for each of these routes, a minute apart, that speaks against its member."""
    return [
        (finished(Outcome.MISSING, route=route, started=NOW + number * MINUTE), Weight.AGAINST)
        for number, route in enumerate(routes)
    ]


def on_routes(*routes: str) -> Opinion:
    """Form an opinion of a member that was up, and whose probes on these routes now speak against it."""
    weighed = against(*routes)
    return form(WAS_UP, weighed, policy=POLICY, stale_after=STALE, now=weighed[-1][0].finished)


@pytest.mark.parametrize(
    "routes, reason",
    [
        ("ab", "2 probes in a row delivered"),
        (
            "abc",
            "its probes fail, but not often enough yet on one and the same route: missing: it was missing; "
            "before: 2 probes in a row delivered",
        ),
        ("abcaa", "3 probes in a row missing: it was missing"),
    ],
)
def test_failures_that_only_lie_on_different_routes_are_not_said_to_be_shared(routes: str, reason: str) -> None:
    verdict = guard({"mta1": on_routes(*routes), "mta2": UP}, {}, changed=(), min_healthy=HALF, now=NOW)["mta1"]
    assert (verdict.reason, verdict.guarded) == (reason, False)


def test_an_older_failure_that_all_shared_excuses_none_of_those_since() -> None:
    shared = (finished(Outcome.MISSING, started=NOW - MINUTE), Weight.NEITHER)
    weighed = [shared, *against(*"abc")]
    assert not form(WAS_UP, weighed, policy=POLICY, stale_after=STALE, now=weighed[-1][0].finished).excused


@pytest.mark.parametrize("failing", [opinion("++sss", WAS_UP), on_routes(*"abc")])
def test_what_was_before_is_told_once_however_often_the_probe_is_restarted(failing: Opinion) -> None:
    told = guard({"mta1": failing}, {}, changed=(), min_healthy=HALF, now=NOW)["mta1"]
    before = told.reason.rpartition("; before: ")[2]
    assert before.startswith("2 probes in a row delivered")
    assert remembered(told) == Opinion(State.UP, before, told.evidence, told.evidence_at)


# guard: what the opinions on a pool come to

UP = Opinion(State.UP, "fine")


def failing(against: int = 3) -> Opinion:
    return Opinion(State.DOWN, "3 probes in a row missing", against=against)


def down(opinions: dict[str, Opinion], min_healthy: Share = HALF) -> list[str]:
    verdicts = guard(opinions, {}, changed=(), min_healthy=min_healthy, now=NOW)
    return [name for name, verdict in verdicts.items() if verdict.state is State.DOWN]


@pytest.mark.parametrize(
    "members, failed, min_healthy, called_down",
    [
        (1, 1, HALF, 0),
        (1, 1, Share(count=0), 0),
        (2, 1, HALF, 1),
        (2, 2, HALF, 1),
        (2, 2, Share(count=0), 1),
        (3, 3, HALF, 1),
        (4, 1, HALF, 1),
        (4, 2, HALF, 2),
        (4, 3, HALF, 2),
        (4, 4, HALF, 2),
        (4, 4, Share(count=1), 3),
        (4, 4, Share(count=3), 1),
        (4, 1, Share(count=4), 0),
        (4, 4, Share(count=9), 0),
        (4, 4, Share(ratio=0.0), 3),
        (4, 4, Share(ratio=1.0), 0),
        (0, 0, HALF, 0),
    ],
    ids=str,
)
def test_no_more_members_are_called_down_than_min_healthy_leaves(
    members: int, failed: int, min_healthy: Share, called_down: int
) -> None:
    opinions = {f"mta{number}": failing() if number < failed else UP for number in range(members)}
    assert len(down(opinions, min_healthy)) == called_down


@pytest.mark.parametrize("before", [{}, {"a": State.DOWN}, {"b": State.DOWN}], ids=str)
def test_of_those_that_fail_the_one_that_began_to_goes_whoever_was_down_before(before: dict[str, State]) -> None:
    opinions = {"a": replace(failing(9), down_since=NOW + SECOND), "b": replace(failing(3), down_since=NOW)}
    told = {name: Verdict(state, "as it was", NOW) for name, state in before.items()}
    verdicts = guard(opinions, told, changed=opinions, min_healthy=HALF, now=NOW)
    assert [name for name, verdict in verdicts.items() if verdict.state is State.DOWN] == ["b"]


@pytest.mark.parametrize("at_once", [1, 2, 3], ids=str)
def test_since_when_a_member_is_down_does_not_depend_on_how_many_probes_were_heard_at_once(at_once: int) -> None:
    heard = NO_OPINION
    for many in range(3, 10, at_once):
        heard = opinion("-" * many, heard)
    third = evidence("---")[-1][0].finished
    assert heard.down_since == third


def test_since_when_a_member_is_down_is_taken_up_after_a_restart_and_ends_when_it_is_up() -> None:
    verdict = Verdict(State.DOWN, "it failed", NOW)
    assert remembered(verdict).down_since == NOW
    assert opinion("---++", remembered(verdict)).down_since is None


@pytest.mark.parametrize(
    "against, called_down",
    [
        ({"a": 3, "b": 3, "c": 3, "d": 3}, ["a", "b"]),
        ({"d": 3, "c": 3, "b": 3, "a": 3}, ["b", "a"]),
        ({"a": 3, "b": 3, "c": 4, "d": 5}, ["c", "d"]),
        ({"a": 3, "b": 3, "c": 3, "d": 4}, ["a", "d"]),
        ({"a": 0, "b": 3, "c": 0, "d": 3}, ["b", "d"]),  # a and c are recovering
    ],
    ids=str,
)
def test_those_that_failed_longest_go_first_then_by_name(against: dict[str, int], called_down: list[str]) -> None:
    assert down({name: failing(number) for name, number in against.items()}) == called_down


def test_a_member_that_is_kept_up_says_so() -> None:
    kept = guard({"mta1": failing()}, {}, changed=(), min_healthy=HALF, now=NOW)["mta1"]
    assert kept.state is State.UP
    assert kept.guarded
    assert kept.reason == "3 probes in a row missing, but min_healthy keeps it up"


def test_a_member_that_is_called_down_or_is_fine_is_not_guarded() -> None:
    verdicts = guard({"mta1": failing(), "mta2": UP}, {}, changed=(), min_healthy=HALF, now=NOW)
    assert not any(verdict.guarded for verdict in verdicts.values())


def test_a_member_that_is_unknown_stays_unknown_and_counts_as_not_down() -> None:
    opinions = {"mta1": failing(), "mta2": NO_OPINION}
    verdicts = guard(opinions, {}, changed=(), min_healthy=HALF, now=NOW)
    assert [verdict.state for verdict in verdicts.values()] == [State.DOWN, State.UNKNOWN]


@pytest.mark.parametrize(
    "before, since",
    [
        (None, NOW),
        (Verdict(State.DOWN, "another reason", NOW - MINUTE), NOW - MINUTE),
        (Verdict(State.UP, "fine", NOW - MINUTE), NOW),
        (Verdict(State.UNKNOWN, "stale", NOW - MINUTE), NOW),
    ],
    ids=str,
)
def test_since_is_kept_while_the_state_is_the_same(before: Verdict | None, since: datetime) -> None:
    previous = {"mta1": before} if before else {}
    assert (
        guard({"mta1": failing(), "mta2": UP}, previous, changed={"mta1"}, min_healthy=HALF, now=NOW)["mta1"].since
        == since
    )


@pytest.mark.parametrize(
    "changed, told",
    [
        ({"mta3"}, {"mta1", "mta3"}),  # mta1 fails for longer now than mta2 does, and mta3 leaves room for one only
        ({"mta1", "mta3"}, {"mta1", "mta3"}),
        ({"mta2", "mta3"}, {"mta1", "mta2", "mta3"}),
    ],
)
def test_verdicts_are_formed_anew_where_an_opinion_changed_and_where_that_decides_for_others(
    changed: set[str], told: set[str]
) -> None:
    # Given
    before = {
        name: Verdict(State.DOWN if name == "mta3" else State.UP, "old", NOW) for name in ("mta1", "mta2", "mta3")
    }
    # When
    opinions = {"mta1": failing(), "mta2": failing(), "mta3": UP}
    verdicts = guard(opinions, before, changed=changed, min_healthy=Share(count=2), now=NOW)
    # Then
    assert set(verdicts) == told
    assert verdicts["mta1"].state is State.DOWN


OPINIONS = st.dictionaries(
    st.text("abc123", min_size=1, max_size=4),
    st.builds(Opinion, st.sampled_from(State), st.just("why"), against=st.integers(0, 9), excused=st.booleans()),
    min_size=1,
    max_size=12,
)
SHARES = st.one_of(
    st.integers(0, 15).map(lambda count: Share(count=count)), st.floats(0, 1).map(lambda ratio: Share(ratio=ratio))
)


@given(opinions=OPINIONS, min_healthy=SHARES)
def test_a_pool_is_never_emptied(opinions: dict[str, Opinion], min_healthy: Share) -> None:
    verdicts = guard(opinions, {}, changed=(), min_healthy=min_healthy, now=NOW)
    left = sum(verdict.state is not State.DOWN for verdict in verdicts.values())
    assert left >= max(1, min_healthy.of(len(opinions)))
    assert all(opinions[name].state is State.DOWN for name in verdicts if verdicts[name].state is State.DOWN)


@given(opinions=OPINIONS, min_healthy=SHARES, order=st.randoms(use_true_random=False))
def test_every_probe_that_sees_the_same_says_the_same(
    opinions: dict[str, Opinion], min_healthy: Share, order: Random
) -> None:
    names: Sequence[str] = sorted(opinions, key=lambda name: order.random())
    shuffled = {name: opinions[name] for name in names}
    assert down(shuffled, min_healthy) == [name for name in names if name in down(opinions, min_healthy)]


UP, DOWN, UNKNOWN = (Opinion(state, f"it is {state}") for state in (State.UP, State.DOWN, State.UNKNOWN))


@pytest.mark.parametrize(
    "everything, of_sending, losing, state",
    [
        (UP, UP, False, State.UP),
        (UP, DOWN, True, State.DOWN),
        (UP, DOWN, False, State.DOWN),  # one message came through, and more are needed
        (DOWN, UP, False, State.DOWN),
        (DOWN, UNKNOWN, False, State.DOWN),
        (UP, UNKNOWN, False, State.UP),
        (UP, UNKNOWN, True, State.UNKNOWN),
        (UNKNOWN, UP, False, State.UP),
        (UNKNOWN, UP, True, State.UP),
        (UNKNOWN, DOWN, True, State.DOWN),
        (UNKNOWN, UNKNOWN, False, State.UNKNOWN),
    ],
)
def test_that_mail_would_be_taken_proves_less_than_that_it_arrives(
    everything: Opinion, of_sending: Opinion, losing: bool, state: State
) -> None:
    assert joined(everything, of_sending, losing=losing).state is state


@pytest.mark.parametrize(
    "story, losing",
    [
        ("", False),
        ("+", False),
        ("-", True),
        ("s", True),
        ("-+", False),
        ("+-", True),
        ("-?", True),
        ("+?", False),
    ],
)
def test_mail_is_being_lost_while_the_last_message_that_somebody_can_tell_of_failed(story: str, losing: bool) -> None:
    assert loses(evidence(story)) is losing


def test_mail_is_being_lost_if_it_is_on_one_route_of_several() -> None:
    lost = finished(Outcome.MISSING, route="outbound")
    assert loses([(lost, Weight.NEITHER), *evidence("+++")])
