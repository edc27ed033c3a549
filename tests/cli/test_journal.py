"""What is logged of mailboxes and verdicts: what changes, once."""

from datetime import UTC, datetime, timedelta

import pytest

from probe.cli.journal import Journal
from probe.engine.happenings import DeletionRefused, FolderRead, Happening, Judged, MailboxFailed
from probe.model.hold import Hold
from probe.model.letter import Folder
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.trouble import Trouble, TroubleKind
from probe.model.verdict import Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLOW = Trouble(TroubleKind.SLOW, "it took 6.0 s")
SLOWER = Trouble(TroubleKind.SLOW, "it took 7.0 s")
FULL = Trouble(TroubleKind.OVER_QUOTA, "it is full")
REFUSED = MailboxFailed("monitor", "it refused the login", TroubleKind.LOGIN_REFUSED)
REFUSED_OTHERWISE = MailboxFailed("monitor", "it refused the login at 12:00:07", TroubleKind.LOGIN_REFUSED)
UNREACHABLE = MailboxFailed("monitor", "it cannot be reached", TroubleKind.UNREACHABLE)


def read(*troubles: Trouble) -> FolderRead:
    return FolderRead("monitor", Folder.INBOX, NOW, 0, troubles=troubles)


def refused(*, yes: bool) -> DeletionRefused:
    return DeletionRefused("monitor", Folder.INBOX, 1001, refused=yes)


@pytest.mark.parametrize(
    "happenings, lines",
    [
        ([read()], []),
        ([read(SLOW), read(SLOWER)], ["mailbox is in trouble, but can be read: slow"]),
        (
            [read(SLOW), read(SLOW, FULL), read(FULL)],
            [
                "mailbox is in trouble, but can be read: slow",
                "mailbox is in trouble, but can be read: over_quota",
                "trouble of a mailbox is over: slow",
            ],
        ),
        (
            [refused(yes=False), refused(yes=True), refused(yes=True), refused(yes=False)],
            ["folder looks like a person's: nothing is deleted from it: None", "folder is tidied again: None"],
        ),
        ([REFUSED, REFUSED_OTHERWISE], ["mailbox cannot be read: login_refused"]),
        (
            [REFUSED, UNREACHABLE],
            ["mailbox cannot be read: login_refused", "mailbox cannot be read: unreachable"],
        ),
        ([REFUSED, read()], ["mailbox cannot be read: login_refused", "mailbox is readable again: None"]),
    ],
)
def test_trouble_of_a_mailbox_is_logged_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture, happenings: list[Happening], lines: list[str]
) -> None:
    caplog.set_level("INFO", "mailflow")
    journal = Journal()
    for happening in happenings:
        journal(happening)

    assert [f"{record.message}: {getattr(record, 'kind', None)}" for record in caplog.records] == lines


HOLD = Hold(State.UP, "a new disk", "ann", NOW, NOW + timedelta(hours=1))
LONGER = Hold(State.UP, "a new disk", "ann", NOW, NOW + timedelta(hours=2))
WINDOW = Window("patching", NOW, NOW + timedelta(hours=1))
UP, DOWN = Verdict(State.UP, "fine", NOW), Verdict(State.DOWN, "it fails", NOW)
HELD, HELD_LONGER = (Verdict(State.UP, hold.sentence, NOW, hold=hold) for hold in (HOLD, LONGER))
MAINTAINED = Verdict(State.UP, "fine", NOW, maintenance=WINDOW)


@pytest.mark.parametrize(
    "verdicts, lines",
    [
        ([UP, UP], []),
        ([UP, DOWN, UP], ["WARNING verdict changed: it fails", "INFO verdict changed: fine"]),
        (
            [DOWN, HELD, HELD, DOWN],
            [
                "WARNING verdict is held by hand: held up by hand until 13:00 UTC, by ann: a new disk",
                "INFO verdict changed: held up by hand until 13:00 UTC, by ann: a new disk",
                "WARNING verdict is held no more: it fails",
                "WARNING verdict changed: it fails",
            ],
        ),
        (
            [HELD, HELD_LONGER],
            [
                "WARNING verdict is held by hand: held up by hand until 13:00 UTC, by ann: a new disk",
                "WARNING verdict is held by hand: held up by hand until 14:00 UTC, by ann: a new disk",
            ],
        ),
        (
            [MAINTAINED, MAINTAINED, UP],
            [
                "INFO maintenance begins: in maintenance until 13:00 UTC: patching",
                "INFO maintenance is over: fine",
            ],
        ),
    ],
    ids=["nothing", "evidence", "held", "held longer", "maintenance"],
)
def test_a_verdict_is_logged_when_it_changes_and_when_operators_have_their_say(
    caplog: pytest.LogCaptureFixture, verdicts: list[Verdict], lines: list[str]
) -> None:
    caplog.set_level("INFO", "mailflow")
    journal, before = Journal(), None
    for verdict in verdicts:
        journal(Judged("vip", "mta1", verdict, before))
        before = verdict

    told = [f"{each.levelname} {each.message}: {getattr(each, 'reason', None)}" for each in caplog.records]
    assert told == lines
