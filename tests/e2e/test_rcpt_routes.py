"""Pools that are watched without sending mail: `check: rcpt` on real Postfix."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program, mailflow
from tests.e2e.quick import DEADLINE_SECONDS, FALL, INTERVAL_SECONDS, quick_config
from tests.e2e.test_crashes import books_at_rest
from tests.lab import DOMAIN, MONITOR, SENDER, Laboratory, Stage

pytestmark = pytest.mark.lab

MEMBERS = ("mta1", "mta2", "mta3", "mta4")
DOWN_WITHIN_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
KILLS = 5


def asking(to: str = "monitor", **changes: Any) -> dict[str, Any]:
    route = {"pool": "vip", "check": "rcpt", "from": SENDER, "to": f"{to}@{DOMAIN}", "interval": f"{INTERVAL_SECONDS}s"}
    return {**route, "deadline": f"{DEADLINE_SECONDS}s", **changes}


def only_asking(lab: Laboratory, home: Path, **routes: dict[str, Any]) -> dict[str, Any]:
    """A config without any mailbox."""
    config = quick_config(lab, home)
    del config["mailboxes"]
    return {**config, "routes": routes}


@pytest.fixture
def program(lab: Laboratory, launch: Launch, tmp_path: Path) -> Program:
    return launch(
        only_asking(
            lab,
            tmp_path,
            taken=asking(),
            refused=asking("refuse"),
            put_off=asking("refuse-now"),
            closed=asking("refuse", expect="rejected"),
        )
    )


def test_every_answer_is_an_outcome_and_nothing_is_sent(program: Program, lab: Laboratory) -> None:
    logs = {name: len(lab.maillog(name)) for name in MEMBERS}
    fates = {
        "taken": ("accepted", 250, True),
        "refused": ("rejected", 550, False),
        "put_off": ("deferred", 450, False),
        "closed": ("rejected", 550, True),
    }
    let_pass(4 * INTERVAL_SECONDS)
    metrics = program.metrics()

    for route, (outcome, code, succeeds) in fates.items():
        [*_, probe] = program.probes(route=route)
        assert (probe["outcome"], probe["stage"], probe["code"], probe["mailbox"]) == (outcome, "rcpt", code, None)
        assert set(metrics.outcomes(route=route)) == {outcome}
        assert metrics.total("mailflow_probe_success", route=route) == (len(MEMBERS) if succeeds else 0)
    assert metrics.series("mailflow_last_delivery_timestamp_seconds") == []
    assert {labels["outcome"] for labels, _ in metrics.series("mailflow_probe_outcomes_total")} == {
        "accepted",
        "deferred",
        "rejected",
        "unknown",
        "unreachable",
    }
    assert metrics.unbalanced() == []
    assert [program.health(member) for member in MEMBERS] == [200] * 4
    for name, past in logs.items():
        new = lab.maillog(name)[past:]
        assert "rset=1 quit=1" in new
        assert "data=" not in new
        assert "cleanup[" not in new


def test_who_does_not_answer_is_called_down_and_comes_back(program: Program, lab: Laboratory) -> None:
    eventually(
        lambda: program.metrics().total("mailflow_member_state", state="up") == len(MEMBERS),
        within_seconds=10,
        what="every member to be called up",
    )
    lab.member("mta2").stop()
    eventually(
        lambda: program.health("mta2") == 503, within_seconds=DOWN_WITHIN_SECONDS, promised=True, what="503 of mta2"
    )
    lab.member("mta2").start()
    eventually(lambda: program.health("mta2") == 200, within_seconds=10, what="200 of mta2")


def test_that_a_member_takes_the_recipient_does_not_hide_that_it_loses_the_mail(
    lab: Laboratory, launch: Launch
) -> None:
    program = launch(routes={"asked": asking(interval="200ms")})
    eventually(
        lambda: program.metrics().total("mailflow_member_state", state="up") == len(MEMBERS),
        within_seconds=10,
        what="every member to be called up",
    )
    lab.member("mta3").discard()
    eventually(
        lambda: program.health("mta3") == 503, within_seconds=DOWN_WITHIN_SECONDS, promised=True, what="503 of mta3"
    )

    statuses = set()
    for _ in range(5):
        let_pass(INTERVAL_SECONDS)
        statuses.add(program.health("mta3"))
    assert statuses == {503}
    assert set(program.metrics().outcomes(route="asked", member="mta3")) == {"accepted"}


def test_kills_leave_books_that_balance_and_nothing_that_waits_for_a_mailbox(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    lab.member("mta2").slow(1, Stage.RCPT)
    program = launch(only_asking(lab, tmp_path, taken=asking()))
    for kill in range(KILLS):
        let_pass(INTERVAL_SECONDS + kill / KILLS)
        program.kill()
        program.start()
        assert program.metrics().unbalanced() == []
    program.kill()
    program.configure(only_asking(lab, tmp_path, taken=asking(interval="1d")))
    program.start()

    metrics, probes = books_at_rest(program)
    assert metrics.unbalanced() == []
    assert metrics.outcomes() == Counter(probe["outcome"] for probe in probes)
    assert metrics.outcomes().keys() == {"accepted", "unknown"}


def test_one_round_and_the_life_of_a_probe_are_told_like_any_other(lab: Laboratory, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(only_asking(lab, tmp_path, taken=asking())))

    done = mailflow("once", path, "--json")
    probes = json.loads(done.stdout)["probes"]
    told = mailflow("explain", path, probes[0]["id"])

    assert done.returncode == 0, done.stderr
    assert [(probe["outcome"], probe["mailbox"]) for probe in probes] == [("accepted", None)] * len(MEMBERS)
    assert told.returncode == 0
    for line in ("asked by MAIL and RCPT only", f"C: RCPT TO:<{MONITOR}>", "C: RSET", "C: QUIT", "accepted: rcpt"):
        assert line in told.stdout
    assert "DATA" not in told.stdout
