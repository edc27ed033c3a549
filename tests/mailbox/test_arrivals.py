"""Each message knows when it was first heard of, whatever else comes and goes."""

from datetime import UTC, datetime, timedelta

from probe.mailbox.arrivals import Arrivals

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER, LATEST = NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)


def opened(count: int, *, unread: int = 0) -> Arrivals:
    arrivals = Arrivals()
    arrivals.opened(count, unread=unread, now=NOON)
    return arrivals


def test_growth_is_unread_and_stamped_when_it_was_heard_of() -> None:
    arrivals = opened(3)

    arrivals.exists(4, LATER)
    arrivals.exists(6, LATEST)

    assert arrivals.unread == 3
    assert [arrivals.heard_of(number, now=LATEST) for number in (3, 4, 5, 6)] == [NOON, LATER, LATEST, LATEST]


def test_a_message_nobody_spoke_of_is_seen_now() -> None:
    assert opened(3).heard_of(4, now=LATEST) == LATEST


def test_a_deletion_moves_those_behind_it_up_and_nothing_else() -> None:
    arrivals = opened(3)
    arrivals.exists(4, LATER)

    arrivals.expunged(1)

    assert (arrivals.count, arrivals.unread) == (3, 1)
    assert [arrivals.heard_of(number, now=LATEST) for number in (2, 3)] == [NOON, LATER]


def test_a_repeated_count_is_no_growth() -> None:
    arrivals = opened(3)

    arrivals.exists(3, LATER)

    assert arrivals.unread == 0


def test_what_comes_while_others_are_read_is_still_unread() -> None:
    arrivals = opened(3, unread=2)
    arrivals.exists(4, LATER)

    arrivals.read(2)

    assert arrivals.unread == 1


def test_what_was_left_over_is_still_unread() -> None:
    arrivals = opened(700, unread=700)

    arrivals.read(250)

    assert arrivals.unread == 450


def test_every_word_of_the_server_is_a_change() -> None:
    arrivals = opened(3)

    arrivals.exists(3, LATER)
    arrivals.expunged(2)

    assert arrivals.changes == 2
