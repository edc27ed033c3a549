"""However much servers say, and however often: what is kept of one probe is bounded on disk."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from probe.ledger import open_ledger
from probe.ledger.ledger import SqlLedger
from probe.model.abridging import FIRST_EVENTS, LAST_EVENTS
from probe.model.findings import Findings
from probe.model.letter import Hop
from probe.model.outcome import Stage
from probe.model.reply import Ending, Exchange, Reply
from probe.ports import Tally
from tests.ledger.examples import NOON, SECOND, StillClock, a_place, a_probe, a_sighting, an_attempt, run, with_ledger

MOMENT = timedelta(milliseconds=1)
TALKATIVE = Reply(450, ("é" * 2048,) * 128)
ATTEMPT = replace(
    an_attempt(Ending.REFUSED_FOR_NOW),
    transcript=tuple(Exchange(stage, "X" * 500, TALKATIVE, MOMENT, MOMENT) for stage in (*Stage, *Stage)),
)
MEBIBYTE = 1024 * 1024
ATTEMPTS = 100


def test_a_hundred_attempts_at_a_server_that_never_stops_talking_take_bounded_space(tmp_path: Path) -> None:
    said = ATTEMPTS * len(ATTEMPT.transcript) * 128 * 2048

    async def fill() -> None:
        async with open_ledger(f"sqlite:///{tmp_path}/l.db", instance="probe-a", clock=StillClock()) as ledger:
            await ledger.claim(a_probe())
            for _ in range(ATTEMPTS):
                await ledger.record_attempt("p1", ATTEMPT, next_attempt=None)

    run(fill())
    taken = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert taken < 6 * MEBIBYTE < said / 50


@with_ledger
async def test_the_transcripts_in_the_middle_are_forgotten_and_what_came_of_them_is_not(ledger: SqlLedger) -> None:
    await ledger.claim(a_probe())
    for number in range(30):
        attempt = replace(ATTEMPT, began=NOON + number * SECOND, reason=f"refused {number}")
        await ledger.record_attempt("p1", attempt, next_attempt=None)
    life = await ledger.life("p1")
    assert life
    assert [bool(transcript) for transcript in life.transcripts] == [True] * 10 + [False] * 10 + [True] * 10
    assert [event.text for event in life.events if event.kind == "deferred"] == [f"refused {n}" for n in range(30)]


@with_ledger
async def test_a_message_that_comes_again_and_again_is_kept_by_its_places(ledger: SqlLedger) -> None:
    # Given
    await ledger.claim(a_probe())
    told = Findings(notes=("a note",))
    hops = (Hop("mta1.lab.test", "ESMTPS", NOON, None),)
    copies = [
        replace(a_sighting("p1", a_place(str(n)), seen=NOON + n * MOMENT), hops=hops, findings=told)
        for n in range(FIRST_EVENTS * 2)
    ]

    # When
    for copy in copies:
        await ledger.sight(copy, rescan=False)

    # Then
    life = await ledger.life("p1")
    assert life
    assert life.record.arrival == copies[0]
    assert len(life.events) == FIRST_EVENTS + LAST_EVENTS + 1
    [left_out] = [event.text for event in life.events if event.kind == "left out"]
    assert left_out == f"{1 + len(copies) + 11 - FIRST_EVENTS - LAST_EVENTS} events"
    assert sum(event.kind == "note" for event in life.events) == 11
    assert [total.count for total in await ledger.totals() if total.tally is Tally.DUPLICATE] == [len(copies) - 1]
