"""``mailflow status`` as a plug-in before the real program on real servers."""

import subprocess
import sys

import pytest

from tests.cli.plugin_output import Output, read
from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

WITHIN_SECONDS = 40


def status(program: Program, *arguments: str) -> Output:
    """Run the plug-in as a scheduler does: with an empty environment, its exit code what its first word says."""
    command = [sys.executable, "-m", "probe", "status", "--url", f"http://{program.listen}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={})
    told = read(done.stdout)
    assert (done.returncode, done.stderr) == (told.code, "")
    return told


def until(program: Program, code: int, text: str) -> Output:
    """Ask until it says so."""
    said = {"told": status(program)}

    def says() -> bool:
        told = said["told"] = status(program)
        return told.code == code and told.text.startswith(text)

    eventually(says, within_seconds=WITHIN_SECONDS, what=f"{code} {text}; it says {said}")
    return said["told"]


def test_a_plug_in_tells_mail_that_flows_from_mail_that_is_lost_and_from_not_knowing(
    lab: Laboratory, launch: Launch
) -> None:
    # Given
    program = launch(health={"rise": 1, "fall": 2, "stale_after": "5m"})

    # Then all is well
    told = until(program, 0, "vip 4/4 up, 4/4 as expected")
    assert told.measured["up"] == "4"
    assert 0 < float(told.measured["delivery"].removesuffix("s")) < 3
    assert status(program, "--member", "mta2", "-w", "0:0.000001").code == 1
    assert [line.partition(" up: ")[0] for line in status(program, "-v").further] == [f"vip/{n}" for n in lab.members]

    # When a member discards
    lab.member("mta3").discard()

    # Then it is called down
    assert until(program, 2, "vip/mta3 down: ").measured["up"] == "3"
    assert status(program, "--member", "mta1").code == 0

    # When the mailbox cannot be read
    lab.dovecot.stop()

    # Then nobody can tell, but for what was proved before
    assert until(program, 2, "vip/mta3 down (and ").measured["up"] == "3"
    told = status(program, "--member", "mta1")
    assert (told.code, told.text.partition(" for ")[0]) == (3, "mailbox monitor unreadable")

    # When the program is gone
    program.kill()

    # Then that is not known either
    told = status(program)
    assert (told.code, told.measured) == (3, {})
