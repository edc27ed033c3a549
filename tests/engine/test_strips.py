"""The latest outcomes, kept in bounded memory."""

from dataclasses import replace
from datetime import timedelta

from probe.engine.happenings import Ended, MembersKnown
from probe.engine.strips import STRIP
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Record
from probe.model.settings import Member
from tests.metrics.boards import a_probe, delivered, fresh_board, missing


def test_so_many_are_kept_and_no_more() -> None:
    board = fresh_board()
    for number in range(STRIP + 1):
        board(Ended(delivered(f"{number}")))
    kept = board.strips.of("vip", "mta1")["inbound"]
    assert [box.probe_id for box in kept] == [f"{number}" for number in range(1, STRIP + 1)]


def test_they_come_back_after_a_restart() -> None:
    board = fresh_board()
    board.restore([], [delivered("a1"), missing("a2")], [])
    (box,) = board.strips.of("vip", "mta1")["inbound"]
    assert (box.probe_id, box.outcome, box.delivery_time) == ("a1", Outcome.DELIVERED, timedelta(seconds=1.5))


def test_members_that_are_gone_are_forgotten() -> None:
    board = fresh_board()
    board(Ended(delivered("a1")))
    board(Ended(missing("a2")))
    board(MembersKnown("vip", (Member("vip", "mta2", "127.0.0.1", 2525),)))
    assert list(board.strips.of("vip", "mta1")) == []
    assert list(board.strips.of("vip", "mta2")) == ["inbound"]


def test_what_nobody_can_tell_has_not_failed() -> None:
    board = fresh_board()
    for record in (delivered("a1"), ended(Outcome.UNKNOWN), ended(Outcome.JUNKED)):
        board(Ended(record))
    assert [(box.as_expected, box.failed) for box in board.strips.of("vip", "mta1")["inbound"]] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def ended(outcome: Outcome) -> Record:
    return replace(delivered("b1"), probe=a_probe("b1"), judgement=Judgement(outcome, "so it is"))
