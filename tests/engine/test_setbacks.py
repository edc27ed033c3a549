"""What is remembered of members: learned from attempts, taken up after a restart, and never without bounds."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from probe.engine import setbacks as bounds
from probe.engine.happenings import Happening, SetbacksChanged
from probe.engine.setbacks import Setbacks
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Judgement, Record, Sending
from probe.model.reply import Ending
from probe.model.setbacks import LIFETIME, Kind
from probe.model.settings import Retry, Route
from tests.engine.fakes import NOON, attempt
from tests.engine.scene import SECOND, a_probe, route

RETRY = Retry(attempts=5, first=20 * SECOND, longest=100 * SECOND)
ROUTE = route(retry=RETRY, deadline=300 * SECOND)
OTHER = replace(ROUTE, name="other", recipient="other@lab.test")
MTA1 = ("vip", "mta1")
DEAD = (Ending.UNREACHABLE, Stage.CONNECT)
REFUSED = (Ending.REFUSED_FOR_NOW, Stage.RCPT)
TAKEN = (Ending.ACCEPTED, Stage.BODY)


class Memory:
    """Setbacks, and all that they told."""

    def __init__(self) -> None:
        self.told: list[Happening] = []
        self.setbacks = Setbacks(self.told.append)

    def learn(
        self,
        what: tuple[Ending, Stage],
        *,
        of: tuple[str, str] = MTA1,
        on: Route = ROUTE,
        at: datetime = NOON,
    ) -> None:
        self.setbacks.learn(of, on, attempt(what[0], stage=what[1]), at=at, chance=0)

    def kinds(self, of: tuple[str, str] = MTA1, on: Route = ROUTE) -> list[Kind]:
        return [setback.subject.kind for setback in self.setbacks.standing(of, on)]

    def last_told(self) -> tuple[str, int]:
        changed = self.told[-1]
        assert isinstance(changed, SetbacksChanged)
        return changed.member, len(changed.setbacks)


def test_failures_are_remembered_until_the_same_works() -> None:
    memory = Memory()
    memory.learn(DEAD)
    assert (memory.kinds(), memory.last_told()) == ([Kind.CONNECTION], ("mta1", 1))
    memory.learn(REFUSED)
    assert (memory.kinds(), memory.last_told()) == ([Kind.RECIPIENT], ("mta1", 1))
    memory.learn(TAKEN)
    assert (memory.kinds(), memory.last_told()) == ([], ("mta1", 0))


def test_what_works_already_is_not_told_again() -> None:
    memory = Memory()
    memory.learn(TAKEN)
    assert memory.told == []


def test_a_dead_member_stands_in_the_way_of_all_its_routes_a_recipient_only_of_its_own() -> None:
    memory = Memory()
    memory.learn(REFUSED)
    assert (memory.kinds(), memory.kinds(on=OTHER)) == ([Kind.RECIPIENT], [])
    memory.learn(DEAD)
    assert (memory.kinds(), memory.kinds(on=OTHER)) == ([Kind.CONNECTION, Kind.RECIPIENT], [Kind.CONNECTION])
    assert memory.kinds(of=("vip", "mta2")) == []


@pytest.mark.parametrize("frees, rings", [(TAKEN, True), (REFUSED, True), (DEAD, False)])
def test_those_who_wait_are_told_when_anything_is_forgotten(frees: tuple[Ending, Stage], rings: bool) -> None:
    memory = Memory()
    memory.learn(DEAD)
    bell, elsewhere = (memory.setbacks.forgetting(("vip", name)) for name in ("mta1", "mta2"))
    memory.learn(frees)
    assert (bell.is_set(), elsewhere.is_set()) == (rings, False)


@pytest.mark.parametrize("late, kept", [(0 * SECOND, 1), (SECOND, 0)])
def test_nothing_is_remembered_for_more_than_a_day_after_its_last_failure(late: timedelta, kept: int) -> None:
    memory = Memory()
    memory.learn(DEAD)
    memory.learn(DEAD, at=NOON + SECOND)
    memory.setbacks.fade(NOON + SECOND + LIFETIME + late)
    assert len(memory.kinds()) == kept


def test_all_is_forgotten_when_the_wall_clock_was_set() -> None:
    memory = Memory()
    memory.learn(DEAD)
    memory.learn(DEAD, of=("vip", "mta2"))
    memory.setbacks.clear()
    assert memory.kinds() == memory.kinds(of=("vip", "mta2")) == []


def test_of_very_many_recipients_the_oldest_is_forgotten() -> None:
    memory = Memory()
    routes = [replace(ROUTE, recipient=f"to{number}@lab.test") for number in range(bounds.MOST_PER_MEMBER + 1)]
    for each in routes:
        memory.learn(REFUSED, on=each)
    assert [bool(memory.kinds(on=each)) for each in routes] == [False, *[True] * bounds.MOST_PER_MEMBER]
    assert memory.last_told() == ("mta1", bounds.MOST_PER_MEMBER)


def test_of_very_many_members_the_one_that_failed_longest_ago_is_forgotten() -> None:
    memory = Memory()
    members = [("vip", f"mta{number}") for number in range(bounds.MOST_MEMBERS)]
    for member in members:
        memory.learn(DEAD, of=member)
    memory.learn(DEAD, of=members[0])
    memory.learn(DEAD, of=("vip", "one more"))
    assert [bool(memory.kinds(of=member)) for member in members[:3]] == [True, False, True]


# After a restart


def deferred(number: int, what: tuple[Ending, Stage], *, attempts: int = 1, next_attempt: datetime) -> Record:
    probe = a_probe(number, at=NOON - 100 * SECOND)
    return Record(probe, attempts=attempts, next_attempt=next_attempt, sending=Sending(*what, "no"))


def finished(number: int, what: tuple[Ending, Stage], *, at: datetime) -> Record:
    probe = a_probe(number, at=at - 5 * SECOND)
    accepted = at if what == TAKEN else None
    sending = Sending(*what, "no", accepted=accepted)
    return Record(probe, 1, None, sending, None, Judgement(Outcome.UNREACHABLE, "no"), at)


def restored(*records: Record) -> Memory:
    memory = Memory()
    memory.setbacks.restore(records, {ROUTE.name: ROUTE}, now=NOON)
    return memory


def test_a_deferred_probe_is_remembered_with_the_next_try_that_it_had() -> None:
    due = NOON + 7 * SECOND
    memory = restored(deferred(1, REFUSED, attempts=3, next_attempt=due))
    [setback] = memory.setbacks.standing(MTA1, ROUTE)
    assert (setback.failures, setback.since, setback.next_try) == (3, NOON - 100 * SECOND, due)


def test_probes_are_learned_from_in_the_order_in_which_they_were_tried() -> None:
    dead = finished(1, DEAD, at=NOON - 30 * SECOND)
    before, after = (finished(2, TAKEN, at=NOON - seconds * SECOND) for seconds in (40, 20))
    assert restored(dead, before).kinds() == [Kind.CONNECTION]
    assert restored(dead, after).kinds() == []


def test_failures_in_a_row_add_up() -> None:
    memory = restored(*(finished(number, DEAD, at=NOON - number * SECOND) for number in range(1, 4)))
    [setback] = memory.setbacks.standing(MTA1, ROUTE)
    assert (setback.failures, setback.since, setback.next_try) == (3, NOON - 8 * SECOND, NOON + 79 * SECOND)


def test_what_is_too_old_or_no_longer_configured_is_not_taken_up() -> None:
    assert restored(finished(1, DEAD, at=NOON - LIFETIME - SECOND)).kinds() == []
    elsewhere = finished(1, DEAD, at=NOON)
    assert restored(replace(elsewhere, probe=replace(elsewhere.probe, route="gone"))).kinds() == []


def test_a_probe_that_was_cut_off_teaches_nothing() -> None:
    assert restored(Record(a_probe(1))).told == []
