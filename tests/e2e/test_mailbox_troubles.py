"""Trouble with a mailbox, of each kind: it is named wherever somebody looks, and no member is blamed for it."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.e2e.quick import SETTLED_SECONDS
from tests.e2e.test_mailboxes import delivered, one_of_ours
from tests.lab import MONITOR, PASSWORD, Laboratory
from tests.lab.dovecot import IMAP_PORT, SMALL, SMALL_MESSAGES

pytestmark = pytest.mark.lab

MEMBERS = ("mta1", "mta2", "mta3", "mta4")


def has_trouble(program: Program, kind: str) -> bool:
    return program.metrics().total("mailflow_mailbox_trouble", mailbox="monitor", kind=kind) == 1


def nobody_is_blamed(program: Program) -> None:
    assert {program.health(member) for member in MEMBERS} == {200}
    assert program.metrics().unbalanced() == []


@pytest.mark.parametrize(
    "mailbox, kind, words",
    [
        ({"imap": {"password": {"file": "/etc/hostname"}}}, "login_refused", "refused the login"),
        ({"folders": {"junk": "Nowhere"}}, "folder_gone", "has no folder Nowhere"),
        ({"imap": {"port": 1}}, "unreachable", "cannot be reached"),
    ],
    ids=["login refused", "folder gone", "unreachable"],
)
def test_a_mailbox_that_cannot_be_read_makes_unknown_probes_that_name_why(
    launch: Launch, mailbox: dict[str, Any], kind: str, words: str
) -> None:
    program = launch(mailboxes={"monitor": mailbox})
    eventually(
        lambda: program.metrics().outcomes().get("unknown", 0) >= len(MEMBERS),
        within_seconds=SETTLED_SECONDS + 5,
        what="outcomes",
    )

    assert has_trouble(program, kind)
    [told] = program.get("/api/v1/mailboxes").json()["mailboxes"]
    assert (told["up"], [trouble["kind"] for trouble in told["troubles"]]) == (False, [kind])
    assert words in program.get("/").text
    assert f"kind={kind}" in program.log()
    reasons = {probe["reason"] for probe in program.probes(outcome="unknown")}
    assert all("could not be read after the deadline: " in reason and words in reason for reason in reasons)
    nobody_is_blamed(program)


def test_a_full_mailbox_is_named_and_the_members_share_the_fault(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    # Given
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    imap = {"host": lab.hub, "port": IMAP_PORT, "tls": "none", "username": SMALL, "password": {"file": str(password)}}
    for _ in range(SMALL_MESSAGES):
        lab.deliver(SMALL, b"Subject: theirs\r\n\r\nx\r\n")

    # When
    program = launch(
        mailboxes={"monitor": {"address": SMALL, "imap": imap}},
        routes={"inbound": {"to": SMALL}},
    )
    eventually(
        lambda: program.metrics().total("mailflow_shared_fault") == 1,
        within_seconds=SETTLED_SECONDS + 15,
        what="a shared fault",
    )

    # Then
    assert has_trouble(program, "over_quota")
    assert program.metrics().total("mailflow_mailbox_up") == 1
    assert program.metrics().total("mailflow_mailbox_quota_used_ratio") == 1
    assert "has no room left for it: 3 of 3 messages are used" in program.get("/").text
    assert "delivered" not in program.metrics().outcomes()
    nobody_is_blamed(program)


def test_a_second_copy_that_comes_while_the_program_is_away_is_counted_once(lab: Laboratory, launch: Launch) -> None:
    program = launch(mailboxes={"monitor": {"keep": "1h"}})
    delivered(program)
    program.stop()
    lab.deliver(MONITOR, one_of_ours(lab))

    for _ in range(2):
        program.start()
        eventually(
            lambda: program.metrics().total("mailflow_duplicates_total") == 1, within_seconds=10, what="the second copy"
        )
        program.kill()

    program.start()
    assert program.metrics().total("mailflow_duplicates_total") == 1


def test_a_mailbox_that_looks_like_a_persons_keeps_everything_and_says_so(lab: Laboratory, launch: Launch) -> None:
    for number in range(3):
        lab.deliver(MONITOR, b"Subject: theirs %d\r\n\r\nx\r\n" % number)
    program = launch(mailboxes={"monitor": {"foreign_limit": 2}})
    delivered(program, 12)

    assert program.metrics().total("mailflow_mailbox_deletion_refused") == 1
    assert program.metrics().total("mailflow_mailbox_messages") >= 12 + 3
    assert "nothing is deleted from it" in program.get("/").text
    assert program.log().count("looks like a person") == 1
    assert program.metrics().outcomes().keys() == {"delivered"}
