"""Ends that nobody planned: kill -9, SIGTERM in mid-round, a full disk. The books balance to the last probe."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.metrics import Metrics
from tests.e2e.pager import Pager, pager
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import SETTLED_SECONDS, quick_config
from tests.lab import Laboratory, Stage

pytestmark = pytest.mark.lab

KILLS = 10
MEMBERS = ("mta1", "mta2", "mta3", "mta4")
TIDY_WITHIN_SECONDS = 35
"""A mailbox in which nothing is expected is looked into every half minute."""
TO_PROBE_NO_MORE = {"routes": {"inbound": {"interval": "1d"}}}


def messages_of_ours(lab: Laboratory) -> int:
    with lab.imap() as client:
        client.select_folder("INBOX", readonly=True)
        return len(client.search(["HEADER", "Mailflow-Probe", ""]))


def taken_by_members(lab: Laboratory, since: dict[str, int]) -> Counter[str]:
    """Count how often each message id was taken in by any member, from `since` on in each log."""
    logs = (lab.maillog(member)[since[member] :] for member in MEMBERS)
    return Counter(found for log in logs for found in re.findall(r"cleanup\[\d+\]: \w+: message-id=<(\w+)@", log))


def ends_of_logs(lab: Laboratory) -> dict[str, int]:
    return {member: len(lab.maillog(member)) for member in MEMBERS}


def in_flight(program: Program) -> list[dict[str, Any]]:
    return [probe for probe in program.probes() if probe["outcome"] is None]


def nothing_in_flight(program: Program) -> None:
    eventually(lambda: not in_flight(program), within_seconds=SETTLED_SECONDS, what="every probe to end")


def books_at_rest(program: Program) -> tuple[Metrics, list[dict[str, Any]]]:
    """Return metrics and probes of one and the same moment: nothing was in flight, and nothing began in between.

    A turn may begin at any time: those that passed before a start are made up for within the next seconds.
    """

    def asked() -> list[tuple[Metrics, list[dict[str, Any]]]]:
        before, probes, after = program.metrics(), program.probes(), program.metrics()
        started = {metrics.total("mailflow_probes_started_total") for metrics in (before, after)}
        ended = not before.total("mailflow_probes_in_flight") and all(probe["outcome"] for probe in probes)
        return [(after, probes)] if len(started) == 1 and ended else []

    return eventually(asked, within_seconds=SETTLED_SECONDS, what="a moment at which nothing is in flight")[0]


def await_a_turn(program: Program) -> None:
    before = program.metrics().total("mailflow_probes_started_total")
    eventually(
        lambda: program.metrics().total("mailflow_probes_started_total") > before, within_seconds=5, what="a turn"
    )


def test_ten_kills_in_mid_round_leave_books_that_balance_to_the_last_probe(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    logs = ends_of_logs(lab)
    # So that most kills strike while somebody is spoken to, one of them after the final dot.
    lab.member("mta2").slow(1, Stage.RCPT)
    lab.member("mta3").slow(1, Stage.BODY)
    program = launch()
    for kill in range(KILLS):
        await_a_turn(program)
        let_pass(kill / KILLS)
        program.kill()
        program.start()
        assert program.metrics().unbalanced() == []

    program.kill()
    program.configure(quick_config(lab, tmp_path, **TO_PROBE_NO_MORE))
    program.start()
    nothing_in_flight(program)
    # Before the probes: whatever was taken by then is in the ledger.
    taken = taken_by_members(lab, logs)
    metrics, probes = books_at_rest(program)

    assert metrics.unbalanced() == []
    for member in MEMBERS:
        own = [probe for probe in probes if probe["member"] == member]
        assert metrics.total("mailflow_probes_started_total", member=member) == len(own)
        assert metrics.total("mailflow_probes_in_flight", member=member) == 0
        assert metrics.outcomes(member=member) == Counter(probe["outcome"] for probe in own)
    assert metrics.outcomes().keys() <= {"delivered", "unknown"}
    assert taken.keys() <= {probe["id"] for probe in probes}
    assert set(taken.values()) == {1}
    eventually(lambda: messages_of_ours(lab) == 0, within_seconds=TIDY_WITHIN_SECONDS, what="a tidy mailbox")


def test_sigterm_in_mid_round_leaves_no_probe_in_doubt(lab: Laboratory, launch: Launch, tmp_path: Path) -> None:
    lab.member("mta2").slow(1, Stage.RCPT)
    lab.member("mta3").slow(1, Stage.BODY)
    patient = {"routes": {"inbound": {"deadline": "20s"}}}
    program = launch(**patient)
    eventually(lambda: len(program.probes(member="mta3")) >= 2, within_seconds=10, what="two rounds")

    assert program.stop() == 0

    program.configure(quick_config(lab, tmp_path, routes={"inbound": {"deadline": "20s", "interval": "1d"}}))
    program.start()
    nothing_in_flight(program)
    assert program.metrics().outcomes().keys() == {"delivered"}
    assert "Traceback" not in program.log()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    # Large enough for SQLite's log, which grows to 4 MB before it is written back.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "mailflow-test", disk], check=True)
    try:
        yield disk
    finally:
        # Lazily: the program may still be about to let go of its state.
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def paged() -> Iterator[Pager]:
    with pager() as paged:
        yield paged


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def test_on_a_full_disk_nothing_is_sent_which_is_told_and_probing_goes_on_once_there_is_space(
    lab: Laboratory, small_disk: Path, paged: Pager, launch: Launch
) -> None:
    notify = [{"webhook": paged.url, "after": "100ms"}]
    program = launch(state=f"sqlite:///{small_disk}/mailflow.db", notify=notify)
    eventually(lambda: program.metrics().outcomes().get("delivered", 0) >= 4, within_seconds=10, what="deliveries")

    filler = fill(small_disk)
    eventually(lambda: "nothing is sent" in program.log(), within_seconds=10, what="a sentence in the log")
    let_pass(1)
    logs = ends_of_logs(lab)
    let_pass(3)
    paged.wait_for("firing", within_seconds=10, alertname="MailflowLedgerFails")
    sent = taken_by_members(lab, logs)
    answers = [program.get(page).status_code for page in ("/health/vip", "/health/vip/mta1", "/-/healthy", "/metrics")]
    ready = program.get("/-/ready")
    filler.unlink()
    delivered = program.metrics().outcomes()["delivered"]
    eventually(
        lambda: program.metrics().outcomes()["delivered"] >= delivered + 4, within_seconds=15, what="further deliveries"
    )

    paged.wait_for("resolved", within_seconds=10, alertname="MailflowLedgerFails")
    assert not sent
    assert answers == [200] * 4
    assert ready.status_code == 503
    assert program.log().count("nothing is sent") == 1
    assert program.get("/-/ready").status_code == 200
    assert program.metrics().unbalanced() == []
    assert "Traceback" not in program.log()
