"""A mailbox that shows old mail again: renumbered, or restored from a backup; nothing of it arrives anew."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

ENOUGH = 12
IN_TIME_SECONDS = 20


def maildir(lab: Laboratory) -> Path:
    return lab.path / "dovecot/mail/monitor/Maildir"


def delivered(program: Program) -> int:
    return program.metrics().outcomes().get("delivered", 0)


def more_are_delivered(program: Program, than: int) -> None:
    eventually(
        lambda: delivered(program) >= than + ENOUGH, within_seconds=IN_TIME_SECONDS, what="deliveries, with the rest"
    )


def renumber(lab: Laboratory) -> None:
    for index in maildir(lab).glob("dovecot*"):
        index.unlink()


def nothing(lab: Laboratory) -> None:
    """Leave the numbers as they were when the backup was made."""


@pytest.mark.parametrize("keep", ["0s", "1h"])
@pytest.mark.parametrize("also", [renumber, nothing], ids=["renumbered", "with its old numbers"])
def test_old_mail_that_is_shown_again_is_neither_late_nor_a_second_copy(
    lab: Laboratory, launch: Launch, tmp_path: Path, also: Callable[[Laboratory], None], keep: str
) -> None:
    # Given a backup from amidst the probing
    program = launch(mailboxes={"monitor": {"keep": keep}})
    more_are_delivered(program, 0)
    backup = tmp_path / "backup"
    program.stop()
    lab.dovecot.stop()
    shutil.copytree(maildir(lab), backup)
    lab.dovecot.start()
    program.start()
    more_are_delivered(program, delivered(program))
    program.stop()

    # When it is restored, after more was read, and perhaps deleted
    lab.dovecot.stop()
    shutil.rmtree(maildir(lab))
    shutil.copytree(backup, maildir(lab))
    also(lab)
    _own_alike(maildir(lab), lab)
    lab.dovecot.start()
    program.start()
    more_are_delivered(program, delivered(program))

    # Then
    metrics = program.metrics()
    # What a member could not hand over while Dovecot was stopped may come late, for the first time.
    late = [probe for probe in program.probes() if probe["seen"] and probe["outcome"] in ("unknown", "missing")]
    assert metrics.total("mailflow_late_arrivals_total") == len(late)
    assert metrics.total("mailflow_duplicates_total") == 0
    assert metrics.total("mailflow_forged_tags_total") == 0
    assert set(metrics.outcomes()) <= {"delivered", "unknown", "missing"}
    assert metrics.unbalanced() == []


def _own_alike(directory: Path, lab: Laboratory) -> None:
    owner = (lab.path / "dovecot/mail").stat()
    for path in (directory, *directory.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
