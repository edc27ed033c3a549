"""A mailbox that cannot be read: nobody can tell, nobody is blamed, and nothing is lost from the books."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import DEADLINE_SECONDS, FALL, GRACE_SECONDS, INTERVAL_SECONDS, SETTLED_SECONDS
from tests.e2e.verdicts import watching
from tests.lab import Dovecot, Laboratory

pytestmark = pytest.mark.lab

BLIND_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + GRACE_SECONDS + 3
ARRIVES_WITHIN_SECONDS = 20
READ_AGAIN_WITHIN_SECONDS = 15
MEMBERS = ("mta1", "mta2", "mta3", "mta4")


def some_delivered(program: Program) -> None:
    eventually(
        lambda: program.metrics().outcomes().get("delivered", 0) >= 2 * len(MEMBERS),
        within_seconds=10,
        what="the first deliveries",
    )


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


Switch = Callable[[Dovecot], None]


@pytest.mark.parametrize(
    "blind, cure", [(Dovecot.stop, Dovecot.start), (Dovecot.freeze, Dovecot.thaw)], ids=["stopped", "frozen"]
)
def test_while_the_mailbox_is_blind_nobody_is_blamed_and_afterwards_every_message_is_counted(
    lab: Laboratory, launch: Launch, blind: Switch, cure: Switch
) -> None:
    program = launch()
    some_delivered(program)

    with watching(program, MEMBERS) as answers:
        blind(lab.dovecot)
        blind_since = now()
        let_pass(BLIND_SECONDS)
        blind_until = now()
        untold = [probe for probe in program.probes() if blind_since < probe["started"] < blind_until]
        meanwhile = program.metrics()
        cure(lab.dovecot)
        eventually(
            lambda: [p for p in program.probes(outcome="delivered") if p["started"] > blind_until],
            within_seconds=READ_AGAIN_WITHIN_SECONDS,
            what="a delivery after the mailbox came back",
        )
        every_message_is_counted(program)

    assert {member: answers.statuses(member) for member in MEMBERS} == {member: {200} for member in MEMBERS}
    assert {probe["outcome"] for probe in untold} == {None, "unknown"}
    assert sum(probe["outcome"] == "unknown" for probe in untold) >= len(MEMBERS) * FALL
    assert all(
        "could not be read after the deadline: " in probe["reason"] for probe in untold if probe["outcome"] == "unknown"
    )
    assert meanwhile.unbalanced() == []
    # What arrived later than its deadline, though the mailbox could be read again, was missing in truth.
    missing = program.probes(outcome="missing")
    assert all(probe["finished"] > blind_until for probe in missing)
    assert program.metrics().unbalanced() == []


def every_message_is_counted(program: Program) -> None:
    """Wait until all that was sent was seen: every message was accepted, and none gets lost."""

    def nothing_is_lost() -> bool:
        counted = program.metrics().total("mailflow_late_arrivals_total")
        ended = [probe for probe in program.probes() if probe["outcome"]]
        assert {probe["outcome"] for probe in ended} <= {"delivered", "unknown", "missing"}
        late = [probe for probe in ended if probe["seen"] and probe["outcome"] != "delivered"]
        return counted == len(late) and all(probe["seen"] for probe in ended)

    eventually(nothing_is_lost, within_seconds=ARRIVES_WITHIN_SECONDS, what="every message that was accepted")


def test_a_stopped_mailbox_is_shown_as_down_and_then_as_up(lab: Laboratory, launch: Launch) -> None:
    program = launch()

    lab.dovecot.stop()
    eventually(lambda: program.metrics().total("mailflow_mailbox_up") == 0, within_seconds=5, what="mailbox_up 0")
    lab.dovecot.start()
    eventually(lambda: program.metrics().total("mailflow_mailbox_up") == 1, within_seconds=10, what="mailbox_up 1")

    assert program.log().count("mailbox cannot be read") >= 1
    assert "mailbox is readable again" in program.log()


def test_with_a_wrong_password_nobody_can_tell_and_nobody_is_blamed(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("not the password")
    program = launch(mailboxes={"monitor": {"imap": {"password": {"file": str(tmp_path / "wrong")}}}})
    eventually(
        lambda: program.metrics().outcomes().get("unknown", 0) >= len(MEMBERS),
        within_seconds=SETTLED_SECONDS + 5,
        what="outcomes",
    )

    assert program.metrics().total("mailflow_mailbox_up") == 0
    assert program.metrics().outcomes().keys() == {"unknown"}
    assert [program.health(member) for member in MEMBERS] == [200] * 4
    assert "mailbox cannot be read" in program.log()
    assert "password" in program.log() or "authenti" in program.log().lower()
    assert "not the password" not in program.log()
