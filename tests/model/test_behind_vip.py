"""What dials of a VIP prove, as a table."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from probe.model.behind_vip import Dial, most_dials, preceded, unmet
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Exchange, Reply
from probe.model.settings import Member
from tests.model.build import NOW, SECOND

NAMES = ("mta1.lab.test", "mta2.lab.test")
WANTED = Member("vip", "mta2.lab.test", "127.0.0.10", 2500, behind_vip=NAMES)


def dial(
    member: str | None = None,
    *,
    stranger: str | None = None,
    ending: Ending = Ending.NOT_TRIED,
    stage: Stage = Stage.BANNER,
    reason: str = "",
    reply: Reply | None = None,
    at: timedelta = timedelta(),
) -> Dial:
    transcript = (Exchange(stage, "", reply, timedelta(), SECOND),)
    return Dial(Attempt(ending, stage, reason, NOW + at, reply=reply, transcript=transcript), member, stranger)


OTHER = dial("mta1.lab.test", reply=Reply(220, ("mta1.lab.test ESMTP",)))
STRANGER = dial(stranger="mx.example.org")
REFUSED = dial(ending=Ending.UNREACHABLE, stage=Stage.CONNECT, reason="it cannot be connected to")
CLOSED = dial(ending=Ending.UNREACHABLE, stage=Stage.BANNER, reason="it closed the connection")
SAID_554 = dial(ending=Ending.REFUSED, stage=Stage.BANNER, reason="banner refused: 554 no", reply=Reply(554, ("no",)))


@pytest.mark.parametrize(
    "dials, ending, stage, reason",
    [
        (
            [OTHER],
            Ending.NOT_TRIED,
            Stage.CONNECT,
            "mta2.lab.test did not answer in 1 dial of 127.0.0.10:2500: mta1.lab.test answered once",
        ),
        (
            [OTHER] * 8,
            Ending.NOT_TRIED,
            Stage.CONNECT,
            "mta2.lab.test did not answer in 8 dials of 127.0.0.10:2500: mta1.lab.test answered 8 times",
        ),
        (
            [REFUSED] * 8,
            Ending.NAMELESS,
            Stage.CONNECT,
            "nobody gave a name in 8 dials of 127.0.0.10:2500: it cannot be connected to",
        ),
        (
            [REFUSED, CLOSED, REFUSED],
            Ending.NAMELESS,
            Stage.BANNER,
            "nobody gave a name in 3 dials of 127.0.0.10:2500: it closed the connection",
        ),
        (
            [CLOSED, SAID_554],
            Ending.NAMELESS,
            Stage.BANNER,
            "nobody gave a name in 2 dials of 127.0.0.10:2500: it closed the connection",
        ),
        (
            [SAID_554],
            Ending.NAMELESS,
            Stage.BANNER,
            "nobody gave a name in 1 dial of 127.0.0.10:2500: banner refused: 554 no",
        ),
        (
            [OTHER, CLOSED, OTHER, REFUSED],
            Ending.NOT_TRIED,
            Stage.CONNECT,
            "mta2.lab.test did not answer in 4 dials of 127.0.0.10:2500: mta1.lab.test answered twice; "
            "2 dials ended before anybody gave a name (it closed the connection)",
        ),
        (
            [STRANGER, STRANGER],
            Ending.NOT_TRIED,
            Stage.CONNECT,
            "mta2.lab.test did not answer in 2 dials of 127.0.0.10:2500: mx.example.org (not a member) answered twice",
        ),
        (
            [STRANGER, OTHER, REFUSED],
            Ending.NOT_TRIED,
            Stage.CONNECT,
            "mta2.lab.test did not answer in 3 dials of 127.0.0.10:2500: "
            "mx.example.org (not a member) answered once; mta1.lab.test answered once; "
            "1 dial ended before anybody gave a name (it cannot be connected to)",
        ),
    ],
)
def test_a_member_that_was_not_met(dials: Sequence[Dial], ending: Ending, stage: Stage, reason: str) -> None:
    attempt = unmet(WANTED, dials)

    assert (attempt.ending, attempt.stage, attempt.reason) == (ending, stage, reason)
    assert attempt.reply is None
    assert len(attempt.transcript) == len(dials)


@pytest.mark.parametrize("members, dials", [(1, 4), (2, 8), (8, 32), (9, 32), (16, 32), (17, 34), (64, 128)])
def test_the_number_of_dials_is_bounded(members: int, dials: int) -> None:
    assert most_dials(members) == dials


def test_of_many_who_answered_only_a_few_are_named() -> None:
    dials = [dial(stranger=f"mx{number}.example.org") for number in range(6)]
    attempt = unmet(WANTED, [*dials, OTHER, OTHER])

    told = attempt.reason.partition(": ")[2].split("; ")
    assert told[0] == "mta1.lab.test answered twice"
    assert told[1:] == [
        *(f"mx{number}.example.org (not a member) answered once" for number in range(3)),
        "others answered 3 times",
    ]


def test_dials_that_went_astray_stand_before_what_decides_each_in_one_line() -> None:
    own = Exchange(Stage.BANNER, "", Reply(220, ("mta2.lab.test",)), timedelta(), SECOND)
    decides = Attempt(Ending.ACCEPTED, Stage.BODY, "accepted", NOW + 5 * SECOND, transcript=(own,))
    long = dial(stranger="x", reply=Reply(220, ("y" * 5000, "z")), at=2 * SECOND)
    attempt = preceded(decides, WANTED, [OTHER, long])

    assert [(each.at / SECOND, each.sent) for each in attempt.transcript] == [
        (0, "<dial 1: mta1.lab.test answered>"),
        (2, "<dial 2: x (not a member) answered>"),
        (5, ""),
    ]
    assert attempt.transcript[1].reply == Reply(220, ("y" * 200,))
    assert (attempt.began, attempt.ending, attempt.reason) == (NOW, Ending.ACCEPTED, "accepted")


def test_without_any_dial_before_it_an_attempt_stays_as_it_is() -> None:
    decides = Attempt(Ending.REFUSED, Stage.MAIL, "no", NOW)

    assert preceded(decides, WANTED, []) is decides


@pytest.mark.parametrize(
    "dials, note",
    [
        ([OTHER, CLOSED], None),
        (
            [STRANGER, OTHER],
            "mx.example.org (not a member) answered at 127.0.0.10:2500 (last at 2026-03-01T12:00:00Z)",
        ),
    ],
)
def test_a_stranger_is_told_of(dials: Sequence[Dial], note: str | None) -> None:
    decides = Attempt(Ending.ACCEPTED, Stage.BODY, "accepted", NOW)

    assert unmet(WANTED, dials).note == note
    assert preceded(decides, WANTED, dials).note == note
