from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from probe.model.findings import Findings
from probe.model.judge import GRACE, LEFT_TO_ITS_SENDER, is_left_to_its_sender, judge
from probe.model.letter import Folder
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Record, Sending
from probe.model.reply import Ending
from tests.model.build import DEADLINE, NOW, SECOND, TICK, asking, bounce, record, sending, sighting

ACCEPTED = sending(Ending.ACCEPTED)
IN_DOUBT = sending(Ending.IN_DOUBT, reason="timed out")
LONG_AGO = NOW - timedelta(hours=1)


def outcome(
    what: Record, *, now: datetime = NOW + 2 * SECOND, watched_until: datetime | None = LONG_AGO
) -> Outcome | None:
    judgement = judge(what, now=now, watched_until=watched_until)
    return judgement.outcome if judgement else None


@pytest.mark.parametrize(
    "folder, seen, ended",
    [
        (Folder.INBOX, NOW, Outcome.DELIVERED),
        (Folder.INBOX, DEADLINE, Outcome.DELIVERED),
        (Folder.INBOX, DEADLINE + TICK, Outcome.UNKNOWN),
        (Folder.JUNK, NOW, Outcome.JUNKED),
        (Folder.JUNK, DEADLINE, Outcome.JUNKED),
        (Folder.JUNK, DEADLINE + TICK, Outcome.UNKNOWN),
    ],
)
def test_what_arrived_is_judged_by_where_and_when(folder: Folder, seen: datetime, ended: Outcome) -> None:
    arrived = record(ACCEPTED, arrival=sighting(folder, seen=seen))
    assert outcome(arrived, now=seen) is ended


@pytest.mark.parametrize(
    "sent, seen, came_back, is_left",
    [
        (ACCEPTED, True, False, False),
        (ACCEPTED, False, True, False),
        (ACCEPTED, False, False, True),
        (None, True, False, True),  # how its attempt ends is known in a moment
        (None, False, False, True),
    ],
)
def test_a_probe_is_left_to_its_sender_until_it_is_found_or_for_some_time(
    sent: Sending | None, seen: bool, came_back: bool, is_left: bool
) -> None:
    found = record(sent, arrival=sighting() if seen else None, bounce=bounce() if came_back else None)
    assert is_left_to_its_sender(found, now=DEADLINE + LEFT_TO_ITS_SENDER) is is_left
    assert not is_left_to_its_sender(found, now=DEADLINE + LEFT_TO_ITS_SENDER + TICK)


@pytest.mark.parametrize(
    "folder, found, ended",
    [
        (Folder.INBOX, Findings(altered="cut off"), Outcome.ALTERED),
        (Folder.INBOX, Findings(misrouted="a wrong hop"), Outcome.MISROUTED),
        (Folder.INBOX, Findings(altered="cut off", misrouted="a wrong hop"), Outcome.MISROUTED),
        (Folder.INBOX, Findings(changes=("a new hop",), notes=("a note",)), Outcome.DELIVERED),
        (Folder.JUNK, Findings(altered="cut off"), Outcome.JUNKED),
        (Folder.JUNK, Findings(misrouted="a wrong hop"), Outcome.MISROUTED),
    ],
)
def test_the_way_goes_before_the_folder_and_the_folder_before_the_body(
    folder: Folder, found: Findings, ended: Outcome
) -> None:
    judgement = judge(record(ACCEPTED, arrival=sighting(folder, findings=found)), now=NOW, watched_until=None)
    assert judgement
    assert judgement.outcome is ended
    assert all(words in judgement.reason for words in (found.altered, found.misrouted) if words)


def test_what_is_found_after_the_deadline_stays_unknown_whatever_became_of_it() -> None:
    late = sighting(seen=DEADLINE + TICK, findings=Findings(altered="cut off", misrouted="a wrong hop"))
    assert outcome(record(ACCEPTED, arrival=late)) is Outcome.UNKNOWN


@pytest.mark.parametrize("ending", [None, *Ending])
@pytest.mark.parametrize("retrying", [False, True])
def test_an_arrival_wins_over_whatever_the_server_said(ending: Ending | None, retrying: bool) -> None:
    sent = sending(ending) if ending else None
    arrived = record(sent, arrival=sighting(), next_attempt=NOW + SECOND if retrying else None)
    assert outcome(arrived) is Outcome.DELIVERED


@pytest.mark.parametrize("ending", [None, *Ending])
@pytest.mark.parametrize("retrying", [False, True])
@pytest.mark.parametrize("seen", [NOW, DEADLINE, DEADLINE + TICK])
def test_a_bounce_ends_a_probe_whenever_it_came_and_is_told_in_words(
    ending: Ending | None, retrying: bool, seen: datetime
) -> None:
    sent = sending(ending) if ending else None
    bounced = record(sent, bounce=bounce(seen=seen), next_attempt=NOW + SECOND if retrying else None)
    judgement = judge(bounced, now=seen, watched_until=LONG_AGO)
    assert judgement
    assert judgement.outcome is Outcome.BOUNCED
    assert judgement.reason == "bounced by mta1.lab.test: 5.1.1 (remote mx.example.org: 550 5.1.1 no such user)"


@pytest.mark.parametrize("came_back", [NOW, NOW + 2 * SECOND])
def test_an_arrival_wins_over_a_bounce(came_back: datetime) -> None:
    both = record(ACCEPTED, arrival=sighting(seen=NOW + SECOND), bounce=bounce(seen=came_back))
    assert outcome(both) is Outcome.DELIVERED


@pytest.mark.parametrize(
    "ending, ended",
    [
        (Ending.REFUSED, Outcome.REJECTED),
        (Ending.REFUSED_FOR_NOW, Outcome.DEFERRED),
        (Ending.UNREACHABLE, Outcome.UNREACHABLE),
        (Ending.NAMELESS, Outcome.UNREACHABLE),
        (Ending.NOT_TRIED, Outcome.UNKNOWN),
        (Ending.ACCEPTED, None),
        (Ending.IN_DOUBT, None),
    ],
)
def test_before_the_deadline_only_a_refusal_ends_a_probe(ending: Ending, ended: Outcome | None) -> None:
    assert outcome(record(sending(ending))) is ended


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.REFUSED_FOR_NOW, Ending.UNREACHABLE, Ending.NOT_TRIED])
def test_a_refusal_gives_the_servers_reason(ending: Ending) -> None:
    judgement = judge(record(sending(ending)), now=NOW, watched_until=None)
    assert judgement is not None
    assert judgement.reason == "the server's words"


@pytest.mark.parametrize(
    "now, ended",
    [(NOW, None), (DEADLINE - TICK, None), (DEADLINE, Outcome.DEFERRED), (DEADLINE + TICK, Outcome.DEFERRED)],
)
def test_a_refusal_that_is_tried_again_stands_only_at_the_deadline(now: datetime, ended: Outcome | None) -> None:
    retrying = record(sending(Ending.REFUSED_FOR_NOW), next_attempt=DEADLINE - SECOND)
    assert outcome(retrying, now=now) is ended


@pytest.mark.parametrize("sent", [ACCEPTED, IN_DOUBT, None], ids=["accepted", "in doubt", "cut off"])
@pytest.mark.parametrize(
    "now, watched_until, told",
    [
        (DEADLINE, None, False),
        (DEADLINE, DEADLINE, False),
        (DEADLINE + GRACE, DEADLINE - TICK, False),
        (DEADLINE + GRACE, DEADLINE, False),
        (DEADLINE + GRACE + TICK, DEADLINE, True),
        (DEADLINE + GRACE + TICK, None, True),
        (DEADLINE + TICK, DEADLINE + TICK, True),
    ],
)
def test_what_was_not_seen_stays_in_flight_until_somebody_can_tell(
    sent: Sending | None, now: datetime, watched_until: datetime | None, told: bool
) -> None:
    assert (outcome(record(sent), now=now, watched_until=watched_until) is not None) is told


@pytest.mark.parametrize(
    "watched_until, ended",
    [
        (None, Outcome.UNKNOWN),
        (DEADLINE - TICK, Outcome.UNKNOWN),
        (DEADLINE, Outcome.UNKNOWN),
        (DEADLINE + TICK, Outcome.MISSING),
    ],
)
def test_a_blind_mailbox_is_not_called_missing(watched_until: datetime | None, ended: Outcome) -> None:
    assert outcome(record(ACCEPTED), now=DEADLINE + 2 * GRACE, watched_until=watched_until) is ended


@pytest.mark.parametrize(
    "sent, words",
    [(IN_DOUBT, "the reply to the final dot was never seen (timed out)"), (None, "sending it was cut off")],
)
def test_what_nobody_knows_to_be_accepted_is_never_missing(sent: Sending | None, words: str) -> None:
    judgement = judge(record(sent), now=DEADLINE + SECOND, watched_until=DEADLINE + SECOND)
    assert judgement is not None
    assert judgement.outcome is Outcome.UNKNOWN
    assert words in judgement.reason


def test_what_is_in_doubt_and_arrives_is_delivered() -> None:
    assert outcome(record(IN_DOUBT, arrival=sighting())) is Outcome.DELIVERED


@pytest.mark.parametrize(
    "attempts, told",
    [(1, ""), (2, "; accepted at attempt 2, 61.2 s after it was started")],
)
def test_it_is_told_when_a_message_was_taken_that_took_several_attempts(attempts: int, told: str) -> None:
    sent = replace(ACCEPTED, accepted=NOW + timedelta(seconds=61.2))
    known = replace(record(sent), attempts=attempts)
    arrived = judge(replace(known, arrival=sighting()), now=NOW + 70 * SECOND, watched_until=None)
    absent = judge(known, now=DEADLINE + SECOND, watched_until=DEADLINE + TICK)
    assert arrived == Judgement(Outcome.DELIVERED, "it was seen in the inbox before the deadline" + told)
    assert absent == Judgement(Outcome.MISSING, "it was accepted, and was not in the mailbox after the deadline" + told)


@pytest.mark.parametrize(
    "ending, ended",
    [
        (Ending.ACCEPTED, Outcome.ACCEPTED),
        (Ending.REFUSED, Outcome.REJECTED),
        (Ending.REFUSED_FOR_NOW, Outcome.DEFERRED),
        (Ending.UNREACHABLE, Outcome.UNREACHABLE),
        (Ending.NOT_TRIED, Outcome.UNKNOWN),
    ],
)
def test_asking_ends_with_the_answer(ending: Ending, ended: Outcome) -> None:
    judgement = judge(asking(sending(ending)), now=NOW, watched_until=None)
    assert judgement is not None
    assert (judgement.outcome, judgement.reason) == (ended, "the server's words")


@pytest.mark.parametrize("now, ended", [(DEADLINE - TICK, None), (DEADLINE, Outcome.UNKNOWN)])
def test_asking_that_was_cut_off_is_unknown_at_the_deadline_whatever_a_mailbox_says(
    now: datetime, ended: Outcome | None
) -> None:
    assert outcome(asking(), now=now, watched_until=None) is ended


@pytest.mark.parametrize("now, ended", [(DEADLINE - TICK, None), (DEADLINE, Outcome.DEFERRED)])
def test_asking_that_is_tried_again_ends_at_the_deadline(now: datetime, ended: Outcome | None) -> None:
    assert outcome(asking(sending(Ending.REFUSED_FOR_NOW), next_attempt=DEADLINE), now=now) is ended


@pytest.mark.parametrize(
    "spam, said",
    [
        ((), ""),
        (("X-Spam-Status: Yes", "X-Spam-Flag: YES"), "; its header says X-Spam-Status: Yes"),
        (("x" * 120,), f"; its header says {'x' * 120}"),
        (("x" * 121,), f"; its header says {'x' * 119}…"),
    ],
)
def test_a_junked_probe_quotes_the_spam_filter(spam: tuple[str, ...], said: str) -> None:
    arrival = sighting(Folder.JUNK, findings=Findings(spam=spam))
    judgement = judge(record(ACCEPTED, arrival=arrival), now=NOW + SECOND, watched_until=None)
    assert judgement == Judgement(Outcome.JUNKED, f"it was seen in the junk folder before the deadline{said}")
