"""What is left to be read: newest first, nothing lost, nothing twice."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probe.mailbox.backlog import MOST_GAPS, Backlog, Unread

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


def backlog(*ranges: tuple[int, int]) -> Backlog:
    held = Backlog()
    for first, last in ranges:
        held.add(Unread(first, last, NOON, rescan=False))
    return held


def test_the_newest_are_taken_first() -> None:
    held = backlog((1, 700))

    taken = [held.take(250) for _ in range(4)]

    assert [each and (each.first, each.last) for each in taken] == [(451, 700), (201, 450), (1, 200), None]


def test_what_came_later_is_taken_before_what_is_left_of_the_earlier() -> None:
    held = backlog((1, 500))
    held.take(250)
    held.add(Unread(501, 600, LATER, rescan=False))

    assert held.gaps == ((1, 250), (501, 600))
    assert held.take(250) == Unread(501, 600, LATER, rescan=False)


def test_its_size_and_the_moment_since_when_nothing_is_left_follow() -> None:
    held = backlog((1, 500))
    assert (held.size, held.since) == (500, NOON)

    held.add(Unread(501, 600, LATER, rescan=False))
    assert (held.size, held.since) == (600, LATER)

    held.take(100)
    held.take(500)
    assert (held.size, held.since, held.gaps) == (0, None, ())


def test_a_range_without_numbers_is_nothing() -> None:
    assert backlog((6, 5)).take(1) is None


def test_of_too_many_gaps_the_two_oldest_become_one_and_nothing_counts_as_read_that_was_not() -> None:
    held = backlog(*((10 * gap + 1, 10 * gap + 5) for gap in range(MOST_GAPS)))
    held.add(Unread(1001, 1005, LATER, rescan=True))

    assert len(held.gaps) == MOST_GAPS
    assert held.gaps[:2] == ((1, 15), (21, 25))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=20), st.integers(1, 12))
def test_every_number_is_taken_once_in_whatever_slices(steps: list[tuple[int, int]], most: int) -> None:
    held, added, taken, top = Backlog(), set[int](), list[int](), 0
    for new, slices in steps[:MOST_GAPS]:
        held.add(Unread(top + 1, top + new, NOON, rescan=False))
        added.update(range(top + 1, top + new + 1))
        top += new
        taken += [uid for _ in range(slices) if (part := held.take(most)) for uid in range(part.first, part.last + 1)]
    while part := held.take(most):
        taken += range(part.first, part.last + 1)

    assert sorted(taken) == sorted(added)
