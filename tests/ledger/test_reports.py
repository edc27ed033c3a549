"""A report is one thing to its probe, and lies beside the message."""

from dataclasses import replace

import pytest

from probe.ledger import SqlLedger
from probe.model.letter import Folder, Place, Sighting
from probe.model.outcome import Outcome
from probe.model.report import Action, Report
from probe.ports import Sighted, Tally
from tests.ledger.examples import DAY, NOON, SECOND, a_place, a_probe, a_sighting, judged, with_ledger

FAILED = Report(Action.FAILED, "5.1.1", "mta1.lab.test", "mx.example.org", "550 5.1.1 no such user")
DELAYED = Report(Action.DELAYED, "4.4.1", "mta1.lab.test")


def a_report(report: Report = FAILED, place: Place | None = None) -> Sighting:
    return replace(a_sighting(place=place or a_place("9")), hops=(), report=report)


@with_ledger
async def test_the_first_failure_of_an_open_probe_is_its_bounce(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    sighted, record = await ledger.sight(a_report(), rescan=False)
    assert sighted is Sighted.BOUNCE
    assert record
    assert record.bounce == a_report()
    assert record.arrival is None
    assert [record] == list(await ledger.outstanding())


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.FAILED])
@with_ledger
async def test_what_is_not_final_is_noted_and_a_failure_after_it_is_the_bounce(
    ledger: SqlLedger, action: Action
) -> None:
    await ledger.claim(a_probe())
    noted, record = await ledger.sight(a_report(Report(action)), rescan=False)
    assert noted is Sighted.REPORT
    assert record
    assert record.bounce is None
    sighted, record = await ledger.sight(a_report(place=a_place("10")), rescan=False)
    assert sighted is Sighted.BOUNCE


@pytest.mark.parametrize(
    "outcome, expected",
    [
        (Outcome.MISSING, Sighted.LATE_BOUNCE),
        (Outcome.UNKNOWN, Sighted.LATE_BOUNCE),
        *((outcome, Sighted.REPORT) for outcome in Outcome if outcome not in {Outcome.MISSING, Outcome.UNKNOWN}),
    ],
)
@with_ledger
async def test_a_bounce_after_the_end_leaves_the_outcome_and_counts_once(
    ledger: SqlLedger, outcome: Outcome, expected: Sighted
) -> None:
    await ledger.claim(a_probe())
    await ledger.close("p1", judged(outcome), at=NOON)
    sighted, record = await ledger.sight(a_report(), rescan=False)
    again, _ = await ledger.sight(a_report(place=a_place("10")), rescan=False)
    assert sighted is expected
    assert again is Sighted.REPORT
    assert record
    assert record.judgement == judged(outcome)
    counted = [total.count for total in await ledger.totals() if total.tally is Tally.LATE_BOUNCE]
    assert counted == ([1] if expected is Sighted.LATE_BOUNCE else [])


@with_ledger
async def test_a_bounce_of_what_arrived_is_noted_only(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_sighting(), rescan=False)
    sighted, record = await ledger.sight(a_report(), rescan=False)
    assert sighted is Sighted.REPORT
    assert record
    assert (record.arrival, record.bounce) == (a_sighting(), None)


@with_ledger
async def test_a_message_that_arrives_after_its_bounce_is_still_the_arrival(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_report(), rescan=False)
    sighted, record = await ledger.sight(a_sighting(), rescan=False)
    assert sighted is Sighted.ARRIVAL
    assert record
    assert (record.arrival, record.bounce) == (a_sighting(), a_report())


@with_ledger
async def test_a_report_is_believed_only_where_bounces_come_to(ledger: SqlLedger) -> None:
    await ledger.claim(replace(a_probe(), bounces="postmaster"))
    astray, _ = await ledger.sight(a_report(), rescan=False)
    message, _ = await ledger.sight(a_sighting(place=a_place(mailbox="postmaster")), rescan=False)
    sighted, _ = await ledger.sight(a_report(place=a_place(mailbox="postmaster")), rescan=False)
    assert [astray, message, sighted] == [Sighted.NOT_OURS, Sighted.NOT_OURS, Sighted.BOUNCE]


@with_ledger
async def test_a_report_that_is_read_again_is_known(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_report(), rescan=False)
    again, _ = await ledger.sight(a_report(), rescan=False)
    renumbered, _ = await ledger.sight(a_report(place=a_place("3", validity=8)), rescan=True)
    assert [again, renumbered] == [Sighted.KNOWN, Sighted.KNOWN]


@with_ledger
async def test_a_message_is_never_taken_for_a_report_under_a_new_number(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_report(), rescan=False)
    sighted, record = await ledger.sight(a_sighting(place=a_place("3", validity=8)), rescan=True)
    assert sighted is Sighted.ARRIVAL
    assert record
    assert record.bounce == a_report()


@with_ledger
async def test_a_report_too_late_is_nothing(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    late = replace(a_report(), seen=NOON + 5 * DAY + SECOND)
    assert await ledger.sight(late, rescan=False) == (Sighted.NOT_OURS, None)


@with_ledger
async def test_a_life_tells_what_came_back(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    await ledger.sight(a_report(DELAYED), rescan=False)
    await ledger.sight(replace(a_report(place=a_place("10")), seen=NOON + 20 * SECOND), rescan=False)
    life = await ledger.life("p1")
    assert life
    assert [(event.kind, event.text) for event in life.events[1:]] == [
        ("report", "delayed by mta1.lab.test: 4.4.1; inbox of monitor, number 9"),
        (
            "bounced",
            "bounced by mta1.lab.test: 5.1.1 (remote mx.example.org: 550 5.1.1 no such user);"
            " inbox of monitor, number 10",
        ),
    ]


@with_ledger
async def test_reports_in_junk_count_as_well(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    sighted, _ = await ledger.sight(a_report(place=a_place(folder=Folder.JUNK)), rescan=False)
    assert sighted is Sighted.BOUNCE
