"""Two mailboxes behind one pool show on which side of the members mail is lost."""

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.quick import DEADLINE_SECONDS, INTERVAL_SECONDS
from tests.lab import PASSWORD, SENDER, Laboratory
from tests.lab.dovecot import IMAP_PORT

pytestmark = pytest.mark.lab

SECOND = "second@lab.test"
LONG_ENOUGH_SECONDS = 3 * INTERVAL_SECONDS + 2 * DEADLINE_SECONDS + 10
MEMBERS = ("mta1", "mta2", "mta3", "mta4")


def test_where_mail_to_one_of_two_mailboxes_is_lost_the_fault_is_said_to_be_there_and_nobody_is_blamed(
    lab: Laboratory, launch: Launch
) -> None:
    # Given mail to the first that is lost on its way, by whatever member
    password = lab.path / "second"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    imap = {"host": lab.hub, "port": IMAP_PORT, "tls": "none", "username": SECOND, "password": {"file": str(password)}}
    second = {"pool": "vip", "mailbox": "second", "from": SENDER, "interval": "1s", "deadline": "3s"}
    program = launch(
        mailboxes={"second": {"address": SECOND, "imap": imap}},
        routes={"inbound": {"to": "discard@lab.test"}, "second": second},
    )

    # When
    said = "look at the mailbox monitor and at the way to it, not at the members"
    eventually(lambda: said in program.get("/").text, within_seconds=LONG_ENOUGH_SECONDS, what="the side")

    # Then
    metrics = program.metrics()
    assert metrics.total("mailflow_shared_fault", route="inbound") == 1
    assert metrics.total("mailflow_shared_fault", route="second") == 0
    assert set(metrics.outcomes(route="inbound")) == {"missing"}
    assert set(metrics.outcomes(route="second")) == {"delivered"}
    assert {program.health(member) for member in MEMBERS} == {200}
    assert said in program.log()
    [vip] = program.get("/api/v1/pools").json()["pools"]
    assert [(fault["route"], fault["kind"], fault["failing"]) for fault in vip["shared_faults"]] == [
        ("inbound", "mailbox", True)
    ]
