"""What on the board is an alarm, and how it is named."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml

from probe.engine.board import Board
from probe.engine.happenings import (
    FolderRead,
    Judged,
    LedgerFailed,
    LedgerWorks,
    MailboxFailed,
    MembersKnown,
    SharedFault,
)
from probe.model.alarm import WORDINGS, AlarmKey, AlarmKind
from probe.model.culprit import Blame, Culprit
from probe.model.hold import Hold
from probe.model.letter import Folder
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.settings import Member
from probe.model.verdict import Verdict
from probe.notify.firing import firing, in_doubt, is_silent
from tests.docs.markdown import ROOT
from tests.metrics.boards import NOW, fresh_board, settings


def judged(board: Board, member: str, state: State, *, guarded: bool = False) -> None:
    board(Judged("vip", member, Verdict(state, f"{member} is so", NOW, guarded=guarded), None))


def told(board: Board) -> list[tuple[str, dict[str, str], str]]:
    return [(alarm.key.kind.value, dict(alarm.key.labels), alarm.reason) for alarm in firing(board)]


def test_nothing_is_wrong_before_anything_is_known() -> None:
    assert told(fresh_board()) == []


@pytest.mark.parametrize("state, wrong", [(State.DOWN, True), (State.UP, False), (State.UNKNOWN, False)])
def test_a_member_is_wrong_while_it_is_down(state: State, wrong: bool) -> None:
    board = fresh_board()
    judged(board, "mta2", state)
    [*alarms] = firing(board)
    assert told(board) == [("MailflowMemberDown", {"pool": "vip", "member": "mta2"}, "mta2 is so")] * wrong
    assert [alarm.since for alarm in alarms] == [NOW] * wrong


def test_members_that_are_kept_up_are_one_alarm_that_names_some() -> None:
    pool = replace(
        settings().pools["vip"], members=tuple(Member("vip", f"mta{number}", "127.0.0.1") for number in range(5))
    )
    board = fresh_board(replace(settings(), pools={"vip": pool}))
    for number in range(5):
        judged(board, f"mta{number}", State.UP, guarded=True)
    reason = "mta0: mta0 is so; mta1: mta1 is so; mta2: mta2 is so; and 2 more"
    assert told(board) == [("MailflowVerdictGuarded", {"pool": "vip"}, reason)]


@pytest.mark.parametrize(
    "side, reason", [(None, "look at what they share"), ("it is lost behind them", "it is lost behind them")]
)
def test_what_members_share_goes_before_those_that_are_kept_up_for_it(side: str | None, reason: str) -> None:
    board = fresh_board()
    judged(board, "mta1", State.UP, guarded=True)
    board(SharedFault("vip", "inbound", True, Blame(Culprit.POOL, side) if side else None, NOW))
    assert told(board) == [("MailflowSharedFault", {"pool": "vip", "route": "inbound"}, reason)]
    board(SharedFault("vip", "inbound", False))
    assert [kind for kind, _, _ in told(board)] == ["MailflowVerdictGuarded"]


@pytest.mark.parametrize(
    "word",
    [
        {"hold": Hold(State.DOWN, "a new disk", "ann", NOW, NOW + timedelta(hours=1))},
        {"maintenance": Window("patching", NOW, NOW + timedelta(hours=1))},
    ],
    ids=["held", "under maintenance"],
)
def test_who_is_set_aside_is_nobodys_alarm_and_a_pool_of_such_members_neither(word: dict[str, Any]) -> None:
    board = fresh_board()
    board(Judged("vip", "mta1", Verdict(State.DOWN, "so it is", NOW, **word), None))
    board(SharedFault("vip", "inbound", True, None, NOW))
    assert [kind for kind, _, _ in told(board)] == ["MailflowSharedFault"]
    board(Judged("vip", "mta2", Verdict(State.DOWN, "so it is", NOW, **word), None))
    assert told(board) == []


def test_a_mailbox_is_wrong_while_it_cannot_be_read() -> None:
    board = fresh_board()
    board(MailboxFailed("monitor", "connection refused"))
    assert told(board) == [("MailflowMailboxUnreadable", {"mailbox": "monitor"}, "connection refused")]
    board(FolderRead("monitor", Folder.INBOX, NOW, 0))
    assert told(board) == []


def test_the_ledger_is_wrong_while_it_does_not_work() -> None:
    board = fresh_board()
    board(LedgerFailed("the disk is full"))
    assert told(board) == [("MailflowLedgerFails", {}, "the disk is full")]
    board(LedgerWorks())
    assert told(board) == []


def test_alarms_have_the_names_the_weight_and_the_words_of_the_alerts() -> None:
    groups = yaml.safe_load((ROOT / "dashboards" / "alerts.yaml").read_text())["groups"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    for kind in AlarmKind:
        alert, wording = alerts[kind.value], WORDINGS[kind]
        assert alert["labels"]["severity"] == wording.severity
        assert alert["annotations"]["summary"] == wording.summary
        assert (ROOT / "docs" / "runbooks" / f"{kind}.md").exists()


MTA1, MTA2 = (AlarmKey(AlarmKind.MEMBER_DOWN, (("pool", "vip"), ("member", name))) for name in ("mta1", "mta2"))
SHARED = AlarmKey(AlarmKind.SHARED_FAULT, (("pool", "vip"), ("route", "inbound")))
MAILBOX = AlarmKey(AlarmKind.MAILBOX_UNREADABLE, (("mailbox", "monitor"),))
HELD = {"hold": Hold(State.DOWN, "a new disk", "eve", NOW, NOW + timedelta(hours=1))}
MAINTAINED = {"maintenance": Window("a new disk", NOW, NOW + timedelta(hours=1))}


@pytest.mark.parametrize("word", [HELD, MAINTAINED])
def test_what_operators_have_set_aside_is_silent(word: dict[str, Any]) -> None:
    # Given one of two
    board = fresh_board()
    aside = Verdict(State.DOWN, "held", NOW, **word)
    board(Judged("vip", "mta1", aside, None))

    # Then
    assert [is_silent(board, key) for key in (MTA1, MTA2, SHARED, MAILBOX)] == [True, False, False, False]

    # Given both
    board(Judged("vip", "mta2", aside, None))

    # Then what the pool shares is silent, too
    assert [is_silent(board, key) for key in (MTA1, MTA2, SHARED, MAILBOX)] == [True, True, True, False]


@pytest.mark.parametrize("labels", [(("pool", "gone"), ("member", "mta1")), (("pool", "vip"), ("member", "gone"))])
def test_the_end_of_what_is_gone_is_told(labels: tuple[tuple[str, str], ...]) -> None:
    assert not is_silent(fresh_board(), AlarmKey(AlarmKind.MEMBER_DOWN, labels))


def doubtful(board: Board) -> list[bool]:
    return [in_doubt(board, key) for key in (MTA1, MTA2, SHARED)]


def test_a_member_is_in_doubt_while_it_is_unknown_and_what_all_share_while_all_are() -> None:
    board = fresh_board()
    judged(board, "mta1", State.DOWN)
    judged(board, "mta2", State.UP)
    assert doubtful(board) == [False, False, False]
    judged(board, "mta1", State.UNKNOWN)
    assert doubtful(board) == [True, False, False]
    judged(board, "mta2", State.UNKNOWN)
    assert doubtful(board) == [True, True, True]
    board(MembersKnown("vip", board.settings.pools["vip"].members[:1]))
    assert doubtful(board) == [True, False, True]


def test_all_of_a_pool_is_in_doubt_until_its_members_are_discovered() -> None:
    board = fresh_board()
    board(MembersKnown("vip", ()))
    assert doubtful(board) == [True, True, True]


def test_a_mailbox_is_in_doubt_until_it_was_tried() -> None:
    board = fresh_board()
    assert in_doubt(board, MAILBOX)
    board(FolderRead("monitor", Folder.INBOX, NOW, 0))
    assert not in_doubt(board, MAILBOX)


@pytest.mark.parametrize(
    "labels",
    [
        (),
        (("mailbox", "gone"),),
        (("pool", "gone"), ("member", "mta1")),
        (("pool", "vip"), ("member", "gone")),
        (("pool", "vip"), ("route", "gone")),
    ],
)
def test_there_is_no_doubt_about_what_is_not_in_the_config_any_more(labels: tuple[tuple[str, str], ...]) -> None:
    assert not in_doubt(fresh_board(), AlarmKey(AlarmKind.SHARED_FAULT, labels))
