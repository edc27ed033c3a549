"""The probes in flight."""

from dataclasses import replace
from datetime import timedelta

from probe.engine.flight import Flight
from probe.model.letter import Folder, Place, Sighting
from probe.model.probe import Record
from tests.engine.fakes import NOON
from tests.engine.scene import DEADLINE, SECOND, a_probe

TICK = timedelta(microseconds=1)
DUE = NOON + DEADLINE


def flight(*records: Record) -> Flight:
    flown = Flight()
    for record in records:
        flown.put(record)
    return flown


def test_a_probe_is_let_go_of_once() -> None:
    flown = flight(Record(a_probe()))
    assert [flown.drop(a_probe().id), flown.drop(a_probe().id)] == [True, False]
    assert len(flown.all()) == 0


def test_what_was_let_go_of_is_not_taken_in_again() -> None:
    flown = flight(Record(a_probe()))
    flown.drop(a_probe().id)
    flown.put(Record(a_probe(), attempts=1))
    assert flown.all() == []


def test_what_others_closed_before_it_was_known_here_is_let_go_of_once_and_not_taken_in_later() -> None:
    flown = flight()
    assert [flown.drop(a_probe().id), flown.drop(a_probe().id)] == [True, False]
    flown.put(Record(a_probe()))
    assert flown.all() == []


def test_the_bounce_of_an_expected_message_is_expected_where_it_would_come_to() -> None:
    flown = flight(Record(a_probe(bounces="postmaster")))
    flown.expect(a_probe().id, since=NOON)
    since = [flown.expected_since(mailbox) for mailbox in ("monitor", "postmaster", "other")]
    starts = [flown.oldest_start(mailbox) for mailbox in ("monitor", "postmaster", "other")]
    assert since == starts == [NOON, NOON, None]
    flown.drop(a_probe().id)
    assert flown.expected_since("postmaster") is None


def test_a_bounce_that_was_seen_is_never_forgotten() -> None:
    bounced = Record(a_probe(), bounce=Sighting(a_probe().id, Place("monitor", Folder.INBOX, 1, "1"), NOON, None, 1))
    flown = flight(bounced, Record(a_probe(), attempts=1))
    known = flown.get(a_probe().id)
    assert known
    assert known.bounce == bounced.bounce


def test_what_is_newly_known_replaces_what_was() -> None:
    flown = flight(Record(a_probe()), Record(a_probe(), attempts=1))
    known = flown.get(a_probe().id)
    assert known
    assert (len(flown.all()), known.attempts) == (1, 1)


def test_a_deadline_is_passed_after_it_and_not_at_it() -> None:
    flown = flight(Record(a_probe()))
    assert flown.past_deadline("monitor", at=DUE) == []
    assert flown.past_deadline("monitor", at=DUE + TICK) == [Record(a_probe())]


def test_what_is_past_its_deadline_stays_so_until_it_is_dropped() -> None:
    flown = flight(Record(a_probe()))
    flown.past_deadline("monitor", at=DUE + TICK)
    flown.put(Record(a_probe(), attempts=1))
    assert flown.past_deadline("monitor", at=DUE + SECOND) == [Record(a_probe(), attempts=1)]
    flown.drop(a_probe().id)
    assert flown.past_deadline("monitor", at=DUE + SECOND) == []


def test_the_first_deadline_of_the_open_probes_is_the_next() -> None:
    first, second = a_probe(1), a_probe(2, at=NOON + SECOND)
    flown = flight(Record(second), Record(first))
    assert flown.next_deadline("monitor", after=NOON) == first.deadline
    flown.drop(first.id)
    assert flown.next_deadline("monitor", after=NOON) == second.deadline
    flown.drop(second.id)
    assert flown.next_deadline("monitor", after=NOON) is None


def test_a_deadline_that_was_found_passed_is_still_next_for_a_reading_that_began_before_it() -> None:
    flown = flight(Record(a_probe()))
    flown.past_deadline("monitor", at=DUE + TICK)
    assert flown.next_deadline("monitor", after=DUE) == DUE
    assert flown.next_deadline("monitor", after=DUE + TICK) is None


def test_mailboxes_do_not_mix() -> None:
    flown = flight(Record(a_probe()))
    assert flown.next_deadline("other", after=NOON) is None
    assert flown.past_deadline("other", at=DUE + SECOND) == []
    assert flown.oldest_start("other") is None
    assert flown.mailboxes() >= {"monitor"}


def test_a_mailbox_that_is_no_longer_configured_is_known_by_its_probes() -> None:
    assert flight(Record(replace(a_probe(), mailbox="former"))).mailboxes() == {"former"}


def test_the_youngest_expected_message_counts() -> None:
    flown = flight(Record(a_probe(1)), Record(a_probe(2)))
    flown.expect(a_probe(1).id, since=NOON)
    flown.expect(a_probe(2).id, since=NOON + SECOND)
    assert flown.expected_since("monitor") == NOON + SECOND
    flown.drop(a_probe(2).id)
    assert flown.expected_since("monitor") == NOON
    flown.drop(a_probe(1).id)
    assert flown.expected_since("monitor") is None


def test_a_probe_that_is_expected_again_becomes_the_youngest() -> None:
    flown = flight(Record(a_probe(1)), Record(a_probe(2)))
    for number, after in ((1, 0), (2, 1), (1, 2)):
        flown.expect(a_probe(number).id, since=NOON + after * SECOND)
    assert flown.expected_since("monitor") == NOON + 2 * SECOND


def test_what_is_not_in_flight_is_not_expected() -> None:
    flown = flight()
    flown.expect(a_probe().id, since=NOON)
    assert flown.expected_since("monitor") is None


def test_a_steady_stream_over_a_probe_that_stays_open_leaves_nothing_behind() -> None:
    # Given a discarding member always has a probe in flight
    flown = flight()
    for number in range(2, 200):
        flown.put(Record(a_probe(number)))
        flown.expect(a_probe(number).id, since=NOON)
        # When all probes but one end, each after the next one was sent
        flown.drop(a_probe(number - 2).id)

    # Then nothing is kept but what is open
    kept = flown._expected["monitor"]
    assert set(kept) == {a_probe(198).id, a_probe(199).id}


def test_who_is_talked_to_is_remembered_until_it_ends() -> None:
    flown = flight(Record(a_probe()))
    flown.sending(a_probe().id, on=True)
    assert flown.is_sending(a_probe().id)
    flown.sending(a_probe().id, on=False)
    assert not flown.is_sending(a_probe().id)


def test_the_oldest_start_is_that_of_the_oldest_open_probe() -> None:
    flown = flight(Record(a_probe(2, at=NOON + SECOND)), Record(a_probe(1)))
    assert flown.oldest_start("monitor") == NOON
    flown.drop(a_probe(1).id)
    assert flown.oldest_start("monitor") == NOON + SECOND
