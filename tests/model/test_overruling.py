"""What is told of members of whom operators have their say."""

from datetime import timedelta

import pytest

from probe.model.hold import Hold
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.overruling import NO_WORD, Word, decide
from probe.model.settings import Share
from probe.model.verdict import Opinion, Verdict, guard
from tests.model.build import MINUTE, NOW

HALF = Share(ratio=0.5)
UP = Opinion(State.UP, "2 probes in a row delivered", ("a",), NOW)
FAILS = Opinion(State.DOWN, "3 probes in a row missing", ("b",), NOW, against=3)
EXCUSED = Opinion(State.UP, "2 probes in a row delivered", ("a",), NOW, excused=True, failing="missing: nobody knows")
WINDOW = Window("patching", NOW - MINUTE, NOW + 60 * MINUTE)
FOUR = ("a", "b", "c", "d")

WAS_UP = Verdict(State.UP, "fine", NOW - 9 * MINUTE)
WAS_DOWN = Verdict(State.DOWN, "it failed", NOW - 9 * MINUTE)


def hold(state: State, *, since: timedelta = MINUTE) -> Hold:
    return Hold(state, "a new disk", "ann", NOW - since, NOW - since + 60 * MINUTE)


def decided(
    opinions: dict[str, Opinion],
    word: Word = NO_WORD,
    before: dict[str, Verdict] | None = None,
    *,
    held_down: int = 0,
) -> dict[str, Verdict]:
    return decide(opinions, before or {}, word, changed=set(opinions), min_healthy=HALF, now=NOW, held_down=held_down)


def down(verdicts: dict[str, Verdict]) -> list[str]:
    return [name for name, verdict in verdicts.items() if verdict.state is State.DOWN]


def test_where_nobody_has_a_say_the_evidence_decides() -> None:
    opinions = {"a": UP, "b": FAILS, "c": EXCUSED, "d": FAILS}
    assert decided(opinions) == guard(opinions, {}, changed=set(opinions), min_healthy=HALF, now=NOW)


# Holds


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("opinion", [UP, FAILS, EXCUSED], ids=["up", "down", "excused"])
def test_a_held_member_is_what_it_is_held_as_whatever_its_probes_say(state: State, opinion: Opinion) -> None:
    verdict = decided({"a": opinion, "b": UP}, Word({"a": hold(state)}))["a"]
    assert (verdict.state, verdict.hold, verdict.guarded) == (state, hold(state), False)
    assert verdict.evidence == opinion.evidence


def test_the_reason_of_a_held_verdict_says_what_the_probes_say() -> None:
    assert decided({"a": FAILS, "b": UP}, Word({"a": hold(State.UP)}))["a"].reason == (
        "held up by hand until 12:59 UTC, by ann: a new disk; its probes say down: 3 probes in a row missing"
    )


def test_a_member_may_be_held_down_even_if_that_empties_the_pool() -> None:
    assert down(decided({"a": UP}, Word({"a": hold(State.DOWN)}))) == ["a"]
    assert down(decided(dict.fromkeys(FOUR, UP), Word(dict.fromkeys(FOUR, hold(State.DOWN))))) == list(FOUR)


@pytest.mark.parametrize(
    "held, called_down",
    [
        ({}, ["a", "b"]),
        ({"d": State.DOWN}, ["a", "d"]),
        ({"c": State.DOWN, "d": State.DOWN}, ["c", "d"]),
        ({"b": State.DOWN, "c": State.DOWN, "d": State.DOWN}, ["b", "c", "d"]),
        ({"a": State.UP}, ["b", "c"]),
        ({"a": State.UP, "d": State.DOWN}, ["b", "d"]),
        ({"a": State.UNKNOWN}, ["b", "c"]),
    ],
    ids=str,
)
def test_who_is_held_down_counts_for_min_healthy_and_who_is_held_up_takes_nobodys_place(
    held: dict[str, State], called_down: list[str]
) -> None:
    word = Word({name: hold(state) for name, state in held.items()})
    assert down(decided(dict.fromkeys(FOUR, FAILS), word)) == called_down


def test_a_hold_on_somebody_who_is_no_member_changes_nothing() -> None:
    word = Word({"gone": hold(State.DOWN), "away": hold(State.DOWN)})
    assert down(decided(dict.fromkeys(FOUR, FAILS), word)) == ["a", "b"]


@pytest.mark.parametrize(
    "before, since",
    [(None, MINUTE), (WAS_UP, 9 * MINUTE), (WAS_DOWN, MINUTE)],
    ids=["first", "the same state", "another state"],
)
def test_a_held_verdict_is_as_old_as_its_state(before: Verdict | None, since: timedelta) -> None:
    verdict = decided({"a": FAILS, "b": UP}, Word({"a": hold(State.UP)}), {"a": before} if before else {})["a"]
    assert verdict.since == NOW - since


def test_a_hold_that_a_fast_clock_dates_ahead_is_not_older_than_now() -> None:
    ahead = hold(State.UP, since=-MINUTE)
    assert decided({"a": FAILS}, Word({"a": ahead}))["a"].since == NOW


# Maintenance


@pytest.mark.parametrize(
    "opinion, before, state",
    [
        (UP, WAS_UP, State.UP),
        (UP, WAS_DOWN, State.UP),
        (FAILS, WAS_UP, State.UP),
        (FAILS, WAS_DOWN, State.DOWN),
        (FAILS, Verdict(State.UNKNOWN, "stale", NOW), State.UNKNOWN),
        (FAILS, None, State.UNKNOWN),
        (EXCUSED, WAS_UP, State.UP),
    ],
    ids=["fine", "comes back", "fails", "stays down", "was unknown", "is new", "excused"],
)
def test_under_maintenance_nobody_is_called_down_anew_and_who_is_down_may_come_back(
    opinion: Opinion, before: Verdict | None, state: State
) -> None:
    verdict = decided({"a": opinion, "b": UP}, Word(windows={"a": WINDOW}), {"a": before} if before else {})["a"]
    assert (verdict.state, verdict.maintenance, verdict.guarded) == (state, WINDOW, False)
    assert verdict.reason.startswith("in maintenance until 13:00 UTC: patching; ")


def test_the_reason_says_that_a_member_is_spared() -> None:
    spared = decided({"a": FAILS, "b": UP}, Word(windows={"a": WINDOW}), {"a": WAS_UP})["a"]
    assert spared.reason.endswith("; not called down meanwhile: 3 probes in a row missing")
    assert spared.since == WAS_UP.since


def test_who_fails_under_maintenance_counts_for_min_healthy_of_the_others() -> None:
    word, before = Word(windows={"a": WINDOW, "b": WINDOW}), dict.fromkeys(FOUR, WAS_UP)
    assert down(decided(dict.fromkeys(FOUR, FAILS), word, before)) == []
    assert down(decided({"a": FAILS, "b": UP, "c": FAILS, "d": UP}, word, before)) == ["c"]


def test_a_hold_goes_before_a_window() -> None:
    verdict = decided({"a": FAILS, "b": UP}, Word({"a": hold(State.DOWN)}, {"a": WINDOW}))["a"]
    assert (verdict.state, verdict.hold, verdict.maintenance) == (State.DOWN, hold(State.DOWN), None)


# What differs


@pytest.mark.parametrize(
    "one, other, names",
    [
        (NO_WORD, NO_WORD, set()),
        (Word({"a": hold(State.UP)}), Word({"a": hold(State.UP)}), set()),
        (Word({"a": hold(State.UP)}), NO_WORD, {"a"}),
        (Word({"a": hold(State.UP)}), Word({"a": hold(State.DOWN)}), {"a"}),
        (NO_WORD, Word(windows={"a": WINDOW, "b": WINDOW}), {"a", "b"}),
        (Word({"a": hold(State.UP)}), Word({"a": hold(State.UP)}, {"a": WINDOW, "b": WINDOW}), {"a", "b"}),
    ],
)
def test_of_whom_something_else_is_said_is_told(one: Word, other: Word, names: set[str]) -> None:
    assert one.differs(other) == names
