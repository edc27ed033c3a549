"""A reply to the final dot that never comes: the mailbox decides, and nothing is ever sent again."""

from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.lab import Laboratory, Stage

pytestmark = pytest.mark.lab

IN_DOUBT = {"inbound": {"deadline": "8s", "retry": {"attempts": 3, "first": "200ms"}}}
ENDS_WITHIN_SECONDS = 15


def first_ended(program: Program, member: str) -> dict[str, Any]:
    """Return all that is known of the first probe of a member, once it has ended."""

    def first() -> dict[str, Any]:
        return program.life(program.probes(member=member)[-1]["id"])

    eventually(lambda: program.probes(member=member), within_seconds=5, what=f"a probe of {member}")
    eventually(lambda: first()["outcome"], within_seconds=ENDS_WITHIN_SECONDS, what=f"it to end, of {member}")
    return first()


def test_a_message_whose_reply_came_too_late_is_delivered_if_the_mailbox_says_so(
    lab: Laboratory, launch: Launch
) -> None:
    lab.member("mta2").slow(4, Stage.BODY)
    program = launch(routes=IN_DOUBT)

    probe = first_ended(program, "mta2")

    assert (probe["outcome"], probe["stage"], probe["accepted"], probe["attempts"]) == ("delivered", "body", None, 1)
    assert program.metrics().total("mailflow_retries_total") == 0
    assert program.metrics().total("mailflow_duplicates_total") == 0


def test_of_a_message_that_died_with_its_server_nobody_can_tell(lab: Laboratory, launch: Launch) -> None:
    lab.member("mta2").slow(10, Stage.BODY)
    program = launch(routes=IN_DOUBT, pools={"vip": {"smtp": {"timeouts": {"reply": "8s", "total": "8s"}}}})
    eventually(lambda: program.probes(member="mta2"), within_seconds=5, what="a probe")
    let_pass(1)
    lab.member("mta2").kill()
    lab.member("mta2").keep()
    lab.member("mta2").start()

    probe = first_ended(program, "mta2")

    assert (probe["outcome"], probe["stage"], probe["attempts"]) == ("unknown", "body", 1)
    assert "final dot" in probe["reason"]
    assert program.health("mta2") == 200
