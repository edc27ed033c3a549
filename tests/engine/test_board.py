"""What is known now."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.engine.board import Board
from probe.engine.figures import MOST_GONE
from probe.engine.happenings import (
    Attempted,
    DeletionRefused,
    DiscoveryFailed,
    Ended,
    FolderRead,
    Happening,
    Judged,
    LedgerFailed,
    LedgerWorks,
    MailboxFailed,
    MailboxInUse,
    MembersKnown,
    Seen,
    SharedFault,
    Skipped,
    Started,
    Stranger,
)
from probe.model.findings import Findings
from probe.model.hold import Hold
from probe.model.letter import Folder, Hop, Kind, Place, Sighting
from probe.model.outcome import OF_SENDING, Outcome, State
from probe.model.probe import Judgement, Probe, Record, Sending
from probe.model.reply import Ending
from probe.model.settings import Discovery, DiscoveryKind, HealthPolicy, Pool, UnknownIs
from probe.model.trouble import Quota, Trouble, TroubleKind
from probe.model.verdict import Verdict
from probe.ports import Sighted, Tally, Total
from tests.engine.fakes import NOON, attempt
from tests.engine.scene import SECOND, a_probe, member, settings

NAMES = ("mta1", "mta2")
PATH = ("vip", "mta1", "inbound")


def fresh() -> Board:
    return Board(settings(*NAMES), now=NOON)


def sighting(number: int = 1, *hops: Hop) -> Sighting:
    return Sighting(a_probe(number).id, Place("monitor", Folder.INBOX, 1, "1"), NOON + SECOND, None, 100, hops)


def ended(probe: Probe, outcome: Outcome = Outcome.DELIVERED) -> Record:
    arrival = sighting() if outcome is Outcome.DELIVERED else None
    judgement = Judgement(outcome, f"it was {outcome}")
    return Record(probe, 1, None, Sending(Ending.ACCEPTED, attempt().stage, ""), arrival, judgement, NOON + 2 * SECOND)


@st.composite
def stories(draw: st.DrawFn) -> Sequence[tuple[Happening, dict[str, int]]]:
    """Draw happenings, each with how many probes of each member are in flight after it."""
    flying: list[Probe] = []
    told: list[tuple[Happening, dict[str, int]]] = []
    for number in range(1, draw(st.integers(1, 30))):
        what = draw(st.sampled_from(["start", "attempt", "see", "end", "adopt", "skip", "judge", "members"]))
        probe = a_probe(number, name=draw(st.sampled_from(NAMES)))
        chosen = draw(st.sampled_from(flying)) if flying else probe
        happening: Happening
        match what:
            case "start":
                flying.append(probe)
                happening = Started(probe)
            case "attempt":
                happening = Attempted(chosen, attempt(draw(st.sampled_from(Ending))), draw(st.integers(1, 3)))
            case "see":
                happening = Seen(Record(chosen), sighting(), draw(st.sampled_from(Sighted)))
            case "end" if flying:
                flying.remove(chosen)
                happening = Ended(ended(chosen, draw(st.sampled_from(Outcome))))
            case "adopt":
                happening = Ended(ended(probe, draw(st.sampled_from(Outcome))))
            case "judge":
                verdict = Verdict(draw(st.sampled_from(State)), "so it is", NOON)
                happening = Judged("vip", probe.member, verdict, None)
            case "members":
                happening = MembersKnown("vip", tuple(member(name) for name in NAMES[: draw(st.integers(0, 2))]))
            case _:
                happening = Skipped("vip", probe.member, "inbound")
        told.append((happening, {name: sum(each.member == name for each in flying) for name in NAMES}))
    return told


@given(stories())
def test_the_books_balance_after_every_happening(story: Sequence[tuple[Happening, dict[str, int]]]) -> None:
    board = fresh()
    for happening, flying in story:
        board(happening)
        for name in NAMES:
            figures = board.path("vip", name, "inbound")
            assert figures.started == sum(figures.outcomes.values()) + flying[name]
            assert figures.in_flight == flying[name]


@given(stories())
def test_a_snapshot_does_not_change(story: Sequence[tuple[Happening, dict[str, int]]]) -> None:
    board = fresh()
    for happening, _ in story[::2]:
        board(happening)
    snapshot = board.snapshot(NOON)
    as_it_was = deepcopy(snapshot)
    for happening, _ in story:
        board(happening)
    assert snapshot == as_it_was


def test_every_series_is_there_from_the_start_at_0() -> None:
    snapshot = fresh().snapshot(NOON)
    assert set(snapshot.paths) == {("vip", name, "inbound") for name in NAMES}
    figures = snapshot.paths[PATH]
    assert (figures.started, figures.failures, figures.in_flight) == (0, 0, 0)
    assert figures.outcomes == dict.fromkeys(OF_SENDING, 0)
    assert (figures.success, figures.last_probe, figures.last_delivery) == (None, None, None)
    assert set(snapshot.members) == {("vip", name) for name in NAMES}
    assert snapshot.shared_faults == {("vip", "inbound"): False}
    assert not snapshot.mailboxes["monitor"].tried
    assert snapshot.guarded == {"vip": 0}


def test_members_that_are_discovered_have_their_series_when_they_are_known() -> None:
    asked = settings()
    pool = Pool("vip", discovery=Discovery(DiscoveryKind.MX, "lab.test"))
    board = Board(replace(asked, pools={"vip": pool}), now=NOON)
    assert board.snapshot(NOON).paths == {}
    board(MembersKnown("vip", (member("mta1"),)))
    assert set(board.snapshot(NOON).paths) == {PATH}


@pytest.mark.parametrize(
    "outcome, success, failures",
    [
        (Outcome.DELIVERED, True, 0),
        (Outcome.MISSING, False, 1),
        (Outcome.UNKNOWN, False, 0),
        (Outcome.JUNKED, False, 1),
    ],
)
def test_an_outcome_counts_as_what_it_is(outcome: Outcome, success: bool, failures: int) -> None:
    board = fresh()
    board(Started(a_probe()))
    board(Ended(ended(a_probe(), outcome)))
    figures = board.path(*PATH)
    assert (figures.success, figures.failures, figures.outcomes[outcome]) == (success, failures, 1)
    assert figures.last_probe == NOON + 2 * SECOND
    assert sum(figures.delivery.counts) == (outcome is Outcome.DELIVERED)
    assert figures.last_delivery == (NOON + SECOND if outcome is Outcome.DELIVERED else None)


def test_what_was_expected_is_no_failure() -> None:
    board = fresh()
    board(Ended(ended(a_probe(expected=Outcome.REJECTED), Outcome.REJECTED)))
    assert (board.path(*PATH).success, board.path(*PATH).failures) == (True, 0)


def test_what_was_counted_before_a_restart_is_taken_up() -> None:
    # Given
    board = fresh()
    totals = [
        Total(*PATH, Tally.STARTED, None, 7),
        Total(*PATH, Tally.OUTCOME, Outcome.MISSING, 2),
        Total(*PATH, Tally.OUTCOME, Outcome.DELIVERED, 4),
        Total(*PATH, Tally.FAILED, None, 2),
        Total(*PATH, Tally.LATE, None, 1),
        Total(*PATH, Tally.DUPLICATE, None, 3),
        Total(*PATH, Tally.RETRY, None, 5),
        Total(*PATH, Tally.SKIPPED, None, 6),
    ]

    # When
    board.restore(totals, [ended(a_probe(1))], [Record(a_probe(2))])

    # Then
    figures = board.path(*PATH)
    assert (figures.started, figures.finished, figures.in_flight) == (7, 6, 1)
    counted = (figures.failures, figures.late, figures.duplicates, figures.retries, figures.skipped)
    assert counted == (2, 1, 3, 5, 6)
    assert (figures.success, figures.last_probe) == (True, NOON + 2 * SECOND)
    board(Ended(ended(a_probe(2))))
    assert (figures.started, figures.in_flight) == (7, 0)


def test_a_probe_of_another_instance_is_counted_there_and_is_the_last_one_here_all_the_same() -> None:
    board = fresh()
    others = replace(a_probe(2), instance="probe-b")
    board.restore([], [], [Record(others)])
    board(Ended(ended(others)))
    figures = board.path(*PATH)
    assert (figures.started, figures.finished, figures.in_flight, sum(figures.delivery.counts)) == (0, 0, 0, 0)
    assert (figures.success, figures.last_probe) == (True, ended(others).finished)
    assert [box.probe_id for box in board.strips.of(*PATH[:2])[PATH[2]]] == [others.id]


def test_a_probe_that_another_process_of_this_instance_began_is_counted_whole() -> None:
    board = fresh()
    board(Ended(ended(a_probe(2))))
    assert (board.path(*PATH).started, board.path(*PATH).in_flight) == (1, 0)


def test_what_is_seen_counts_as_what_it_is() -> None:
    board = fresh()
    hops = (Hop("a", None, NOON, None), Hop("b", None, NOON + SECOND, SECOND))
    for what in Sighted:
        board(Seen(Record(a_probe()), sighting(1, *hops), what))
    figures = board.path(*PATH)
    assert (figures.late, figures.duplicates, figures.hops, figures.path_changes) == (1, 1, hops, 0)


def test_a_changed_path_counts_once_however_many_copies_come() -> None:
    board = fresh()
    seen = replace(sighting(1), findings=Findings(changes=("a hop is new: b", "a hop is gone: a")))
    for what in (Sighted.ARRIVAL, Sighted.DUPLICATE):
        board(Seen(Record(a_probe()), seen, what))
    assert board.path(*PATH).path_changes == 1


def test_an_attempt_leaves_its_times_and_a_retry_is_counted() -> None:
    board = fresh()
    expiry = NOON + timedelta(days=30)
    board(Attempted(a_probe(), replace(attempt(Ending.UNREACHABLE), certificate_expiry=expiry), 1))
    board(Attempted(a_probe(), attempt(), 2))
    figures = board.path(*PATH)
    assert (figures.retries, sum(figures.smtp.counts)) == (1, 1)
    assert board.members("vip")["mta1"].certificate_expiry == expiry


def test_messages_of_all_folders_of_a_mailbox_are_summed() -> None:
    board = fresh()
    board(FolderRead("monitor", Folder.INBOX, NOON, 7))
    board(FolderRead("monitor", Folder.JUNK, NOON + SECOND, 2))
    board(FolderRead("monitor", Folder.INBOX, NOON + 2 * SECOND, 5))
    figures = board.mailbox("monitor")
    assert (figures.messages, figures.up, figures.last_read) == (7, True, NOON + 2 * SECOND)


def test_the_backlog_of_a_mailbox_is_that_of_all_its_folders_now() -> None:
    board = fresh()
    board(FolderRead("monitor", Folder.INBOX, NOON, 700, backlog=450, since=NOON))
    board(FolderRead("monitor", Folder.JUNK, NOON, 300, backlog=50, since=NOON))
    assert board.mailbox("monitor").backlog == 500
    board(FolderRead("monitor", Folder.INBOX, NOON, 700))
    assert board.mailbox("monitor").backlog == 50


def test_a_mailbox_that_failed_says_why_until_it_is_read_again() -> None:
    board = fresh()
    board(MailboxFailed("monitor", "the server is gone"))
    assert (board.mailbox("monitor").up, board.mailbox("monitor").trouble) == (False, "the server is gone")
    board(FolderRead("monitor", Folder.INBOX, NOON, 0))
    assert (board.mailbox("monitor").up, board.mailbox("monitor").trouble) == (True, None)


def test_what_is_wrong_with_a_mailbox_that_can_be_read_is_told_once_for_all_its_folders() -> None:
    board = fresh()
    slow, full = Trouble(TroubleKind.SLOW, "it is slow"), Trouble(TroubleKind.OVER_QUOTA, "it is full")
    board(FolderRead("monitor", Folder.INBOX, NOON, 0, troubles=(slow, full), quota=Quota("MESSAGE", 3, 3)))
    board(FolderRead("monitor", Folder.JUNK, NOON, 0, troubles=(slow,)))
    figures = board.mailbox("monitor")
    assert (figures.up, figures.trouble, figures.quota) == (True, "it is slow; it is full", Quota("MESSAGE", 3, 3))
    board(FolderRead("monitor", Folder.INBOX, NOON, 0))
    assert board.mailbox("monitor").troubles == (slow,)


def test_a_mailbox_that_somebody_else_holds_says_so_and_is_not_called_unreadable() -> None:
    board = fresh()
    board(FolderRead("monitor", Folder.INBOX, NOON, 0))
    board(MailboxInUse("monitor", "it is locked"))
    figures = board.mailbox("monitor")
    assert (figures.up, figures.troubles) == (True, (Trouble(TroubleKind.LOCKED, "it is locked"),))


def test_a_mailbox_is_spared_while_one_of_its_folders_is() -> None:
    board = fresh()
    for folder in Folder:
        board(DeletionRefused("monitor", folder, 1001, refused=True))
    board(DeletionRefused("monitor", Folder.JUNK, 0, refused=False))
    assert board.mailbox("monitor").spared == {Folder.INBOX}
    board(DeletionRefused("monitor", Folder.INBOX, 0, refused=False))
    assert not board.mailbox("monitor").spared


def test_strangers_are_counted_by_kind() -> None:
    board = fresh()
    for kind in Kind:
        board(Stranger("monitor", kind))
    assert (board.mailbox("monitor").foreign, board.mailbox("monitor").forged) == (1, 1)


def test_it_is_ready_when_every_mailbox_was_tried_and_the_ledger_works() -> None:
    board = fresh()
    board.restore([], [], [])
    assert not board.ready
    board(MailboxFailed("monitor", "the server is gone"))
    assert board.ready
    board(LedgerFailed("the disk is full"))
    assert not board.ready
    board(LedgerWorks())
    assert board.ready


def test_the_last_state_that_was_not_unknown_is_held() -> None:
    board = fresh()
    for state in (State.DOWN, State.UNKNOWN):
        board(Judged("vip", "mta1", Verdict(state, "so it is", NOON), None))
    assert board.members("vip")["mta1"].held is State.DOWN
    assert board.verdict("vip", "mta1").state is State.UNKNOWN
    assert board.verdict("vip", "mta2").reason == "no probe has finished yet"


def test_changes_of_state_are_counted_and_the_first_is_none() -> None:
    board = fresh()
    before = None
    for state in (State.UNKNOWN, State.UP, State.UP, State.DOWN):
        verdict = Verdict(state, "so it is", NOON)
        board(Judged("vip", "mta1", verdict, before))
        before = verdict
    assert board.snapshot(NOON).state_changes == {("vip", "mta1"): 2}


def test_changes_of_state_go_on_after_a_restart() -> None:
    board = fresh()
    board.restore([Total("vip", "mta1", "", Tally.STATE_CHANGED, None, 5)], [], [])
    board(Judged("vip", "mta1", Verdict(State.UP, "so it is", NOON), Verdict(State.DOWN, "it was", NOON)))
    snapshot = board.snapshot(NOON)
    assert snapshot.state_changes == {("vip", "mta1"): 6}
    assert not [path for path in snapshot.paths if path[2] == ""]


def test_a_verdict_on_a_member_that_is_gone_is_passed_over() -> None:
    board = fresh()
    board(MembersKnown("vip", (member("mta2"),)))
    board(Judged("vip", "mta1", Verdict(State.DOWN, "so it is", NOON), None))
    with pytest.raises(KeyError):
        board.verdict("vip", "mta1")


def test_who_is_kept_up_is_counted() -> None:
    board = fresh()
    board(Judged("vip", "mta1", Verdict(State.UP, "so it is", NOON, guarded=True), None))
    assert board.snapshot(NOON).guarded == {"vip": 1}


def test_what_an_operator_should_know_of_a_discovery_is_kept_until_it_is_over() -> None:
    board = fresh()
    board(DiscoveryFailed("vip", "no name server answers"))
    assert board.discovery == {"vip": "no name server answers"}
    board(MembersKnown("vip", (member("mta1"),)))
    assert board.discovery == {}
    board(MembersKnown("vip", (), "it takes no mail"))
    assert board.discovery == {"vip": "it takes no mail"}


def test_a_stranger_behind_a_vip_is_told_of() -> None:
    board = fresh()
    board(Attempted(a_probe(), replace(attempt(), note="mx9 (not a member) answered"), 1))
    board(Attempted(a_probe(2), attempt(), 1))
    assert board.discovery == {"vip": "mx9 (not a member) answered"}


def test_a_shared_fault_is_known_until_it_is_over() -> None:
    board = fresh()
    board(SharedFault("vip", "inbound", True))
    assert board.snapshot(NOON).shared_faults == {("vip", "inbound"): True}


def test_of_members_that_come_and_go_only_so_many_are_counted_and_none_with_a_probe_in_flight() -> None:
    # Given members of ever new names, one of which has a probe in flight, and one that comes back
    board = fresh()
    board(Started(a_probe(1, name="first")))
    board(Ended(ended(a_probe(2, name="mta1"))))

    # When
    for day in range(MOST_GONE // 1000 + 2):
        board(MembersKnown("vip", tuple(member(f"new{1000 * day + number}") for number in range(1000))))

    # Then
    paths = board.snapshot(NOON).paths
    assert len(paths) == MOST_GONE + 1 + 1000  # that one, and the members that are there
    assert paths["vip", "first", "inbound"].in_flight == 1
    assert ("vip", "new0", "inbound") not in paths
    board(Ended(ended(a_probe(1, name="first"))))
    board(MembersKnown("vip", (member("first"),)))
    assert board.path("vip", "first", "inbound").finished == 1


@pytest.mark.parametrize("by_evidence, in_service", [(State.UP, True), (State.DOWN, False), (State.UNKNOWN, True)])
@pytest.mark.parametrize("by_hand", [State.UP, State.DOWN])
def test_when_a_hold_ends_and_nobody_can_tell_what_the_evidence_said_last_is_held(
    by_evidence: State, by_hand: State, in_service: bool
) -> None:
    # Given
    board = Board(replace(settings(*NAMES), health=HealthPolicy(unknown_is=UnknownIs.HOLD)), now=NOON)
    hold = Hold(by_hand, "a new disk", "ann", NOON, NOON + SECOND)
    verdicts = [Verdict(state, "so it is", NOON) for state in (by_evidence, by_hand, State.UNKNOWN)]
    verdicts[1] = replace(verdicts[1], hold=hold)

    # When
    for before, verdict in zip([None, *verdicts], verdicts, strict=False):
        board(Judged("vip", "mta1", verdict, before))

    # Then: and it is said aloud, for who asks remembers what was said by hand
    answer = board.answer("vip", "mta1")
    assert (answer.in_service, answer.unchanged) == (in_service, False)
    board(Judged("vip", "mta1", Verdict(State.UP, "so it is", NOON), verdicts[-1]))
    board(Judged("vip", "mta1", verdicts[-1], Verdict(State.UP, "so it is", NOON)))
    assert board.answer("vip", "mta1").unchanged


def test_a_hold_from_before_a_restart_is_not_what_is_held_after_it() -> None:
    board = Board(replace(settings(*NAMES), health=HealthPolicy(unknown_is=UnknownIs.HOLD)), now=NOON)
    hold = Hold(State.DOWN, "a new disk", "ann", NOON, NOON + SECOND)
    board(Judged("vip", "mta1", Verdict(State.UNKNOWN, "stale", NOON), Verdict(State.DOWN, "held", NOON, hold=hold)))
    assert board.answer("vip", "mta1").in_service
