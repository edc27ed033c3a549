"""What servers say together: both sides of every border, and who is named."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from probe.model.consensus import Answer, Asked, Consensus, consensus, sentence
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Reply
from probe.model.settings import Member

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADDRESS = "monitor@lab.test"
GAP = "mx9.lab.test has no address"
REPLIES = {
    Answer.ACCEPTED: (Ending.ACCEPTED, Reply(250, ("ok",), "2.1.5")),
    Answer.REFUSED: (Ending.REFUSED, Reply(550, ("no such user",), "5.1.1")),
    Answer.REFUSED_FOR_NOW: (Ending.REFUSED_FOR_NOW, Reply(450, ("later",))),
    Answer.NO_ANSWER: (Ending.UNREACHABLE, None),
}
YES, NO, LATER, SILENT = REPLIES


def asked(*answers: Answer) -> Sequence[Asked]:
    return [
        Asked(
            Member("lab.test", f"mx{number}", "127.0.0.1"),
            Attempt(REPLIES[answer][0], Stage.RCPT, "so it was", NOON, reply=REPLIES[answer][1]),
        )
        for number, answer in enumerate(answers, 1)
    ]


@pytest.mark.parametrize(
    "answers, together",
    [
        ((YES,), Consensus.ALL_ACCEPT),
        ((YES, YES), Consensus.ALL_ACCEPT),
        ((NO,), Consensus.ALL_REFUSE),
        ((NO, NO), Consensus.ALL_REFUSE),
        ((YES, NO), Consensus.DISAGREE),
        ((YES, LATER), Consensus.DISAGREE),
        ((NO, LATER), Consensus.DISAGREE),
        ((YES, NO, SILENT), Consensus.DISAGREE),
        ((LATER,), Consensus.UNCERTAIN),
        ((LATER, LATER), Consensus.UNCERTAIN),
        ((LATER, SILENT), Consensus.UNCERTAIN),
        ((YES, SILENT), Consensus.UNCERTAIN),
        ((NO, SILENT), Consensus.UNCERTAIN),
        ((SILENT,), Consensus.UNCERTAIN),
        ((), Consensus.UNCERTAIN),
    ],
)
def test_what_servers_say_together(answers: tuple[Answer, ...], together: Consensus) -> None:
    assert consensus(asked(*answers)) is together
    assert consensus(asked(*reversed(answers))) is together


@pytest.mark.parametrize(
    "answers, together",
    [((YES,), Consensus.UNCERTAIN), ((NO,), Consensus.UNCERTAIN), ((YES, NO), Consensus.DISAGREE)],
)
def test_nobody_speaks_for_a_server_that_could_not_be_found(answers: tuple[Answer, ...], together: Consensus) -> None:
    assert consensus(asked(*answers), gap=GAP) is together


@pytest.mark.parametrize("ending", Ending)
def test_a_login_that_is_refused_is_no_answer_about_the_address(ending: Ending) -> None:
    attempt = Attempt(ending, Stage.AUTH, "auth refused", NOON, reply=Reply(535))
    assert Asked(Member("vip", "mta1", "127.0.0.1"), attempt).answer is Answer.NO_ANSWER


@pytest.mark.parametrize(
    "answers, gap, said",
    [
        ((YES, YES), None, "all 2 servers accept monitor@lab.test"),
        ((YES,), None, "the only server, mx1, accepts monitor@lab.test"),
        ((NO, NO, NO), None, "all 3 servers refuse monitor@lab.test (550 5.1.1)"),
        ((NO,), None, "the only server, mx1, refuses monitor@lab.test (550 5.1.1)"),
        (
            (YES, NO, YES, LATER, SILENT),
            None,
            "the servers disagree about monitor@lab.test: mx1 and mx3 accept it; mx2 refuses it (550 5.1.1); "
            "mx4 refuses it for now (450); mx5 could not be asked",
        ),
        (
            (LATER, LATER, LATER),
            None,
            "nobody can tell whether every server accepts monitor@lab.test: mx1, mx2 and mx3 refuse it for now (450)",
        ),
        (
            (YES,),
            GAP,
            f"nobody can tell whether every server accepts monitor@lab.test: mx1 accepts it; {GAP}",
        ),
        (
            (YES,) * 9 + (NO,),
            None,
            "the servers disagree about monitor@lab.test: 9 servers accept it; mx10 refuses it (550 5.1.1)",
        ),
    ],
)
def test_it_is_said_in_one_sentence(answers: tuple[Answer, ...], gap: str | None, said: str) -> None:
    assert sentence(ADDRESS, asked(*answers), gap=gap) == said
