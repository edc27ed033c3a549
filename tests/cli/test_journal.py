"""What is logged of a mailbox: what changes, once."""

from datetime import UTC, datetime

import pytest

from probe.cli.journal import Journal
from probe.engine.happenings import DeletionRefused, FolderRead, Happening, MailboxFailed
from probe.model.letter import Folder
from probe.model.trouble import Trouble, TroubleKind

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
