"""Faults of members, of one and of all, and what a load balancer hears meanwhile."""

import time

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import DEADLINE_SECONDS, FALL, INTERVAL_SECONDS
from tests.e2e.verdicts import watching
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

DOWN_WITHIN_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
"""The promise: fall x interval + deadline, and two seconds."""
UP_WITHIN_SECONDS = 10
TRY_SECONDS = 2
"""How long a try at a frozen member takes: the time-out of a reply."""
LONG_ENOUGH_SECONDS = DOWN_WITHIN_SECONDS + 2
MEMBERS = ("mta1", "mta2", "mta3", "mta4")


def all_called_up(program: Program) -> None:
    eventually(
        lambda: program.metrics().total("mailflow_member_state", state="up") == len(MEMBERS),
        within_seconds=UP_WITHIN_SECONDS,
        what="every member to be called up",
    )


def test_a_member_that_discards_is_called_down_in_time_and_alone_and_comes_back(
    lab: Laboratory, launch: Launch
) -> None:
    program = launch()
    all_called_up(program)
    changes = program.metrics().total("mailflow_member_state_changes_total")

    with watching(program, MEMBERS) as answers:
        lab.member("mta3").discard()
        fault = time.monotonic()
        eventually(
            lambda: program.health("mta3") == 503, within_seconds=DOWN_WITHIN_SECONDS, promised=True, what="503 of mta3"
        )
        took = time.monotonic() - fault
        pool = program.get("/health/vip")
        lab.member("mta3").keep()
        eventually(lambda: program.health("mta3") == 200, within_seconds=UP_WITHIN_SECONDS, what="200 of mta3")

    assert took < DOWN_WITHIN_SECONDS
    assert answers.first("mta3", 503) is not None
    assert {member: answers.statuses(member) for member in MEMBERS if member != "mta3"} == {
        "mta1": {200},
        "mta2": {200},
        "mta4": {200},
    }
    assert (pool.status_code, pool.json()["healthy"]) == (200, 3)
    assert program.metrics().total("mailflow_member_state_changes_total") == changes + 2


def test_the_reason_names_the_probes_that_prove_it(lab: Laboratory, launch: Launch) -> None:
    program = launch()
    all_called_up(program)
    lab.member("mta2").discard()
    answer = eventually(
        lambda: [page for page in [program.get("/health/vip/mta2")] if page.status_code == 503],
        within_seconds=DOWN_WITHIN_SECONDS,
        promised=True,
        what="503 of mta2",
    )[0]
    [mta2] = [
        member for member in program.get("/api/v1/pools").json()["pools"][0]["members"] if member["name"] == "mta2"
    ]

    assert answer.headers["Mailflow-Verdict"] == "down"
    assert "missing" in answer.json()["reason"]
    assert [program.life(probe)["outcome"] for probe in mta2["evidence"]] == ["missing"] * FALL


@pytest.mark.parametrize("outcome", ["unreachable", "missing"])
def test_what_strikes_all_members_alike_is_held_against_none(lab: Laboratory, launch: Launch, outcome: str) -> None:
    program = launch()
    all_called_up(program)

    with watching(program, MEMBERS) as answers:
        for member in lab.members.values():
            if outcome == "missing":
                member.discard()
            else:
                member.stop()
        eventually(
            lambda: program.metrics().total("mailflow_shared_fault") == 1,
            within_seconds=LONG_ENOUGH_SECONDS,
            what="a shared fault",
        )
        let_pass(LONG_ENOUGH_SECONDS)

    assert {member: answers.statuses(member) for member in MEMBERS} == {member: {200} for member in MEMBERS}
    assert program.metrics().total("mailflow_shared_fault") == 1
    assert program.metrics().outcomes()[outcome] > len(MEMBERS) * FALL
    assert program.metrics().unbalanced() == []


def test_a_frozen_member_is_called_down_in_time_whatever_the_time_outs(lab: Laboratory, launch: Launch) -> None:
    # Given the default time-outs, each of them longer than a probe may last
    program = launch(pools={"vip": {"smtp": {"timeouts": {"connect": "10s", "reply": "30s", "total": "60s"}}}})
    all_called_up(program)

    with watching(program, MEMBERS) as answers:
        fault = time.monotonic()
        lab.member("mta3").freeze()
        eventually(lambda: program.health("mta3") == 503, within_seconds=LONG_ENOUGH_SECONDS + 8, what="503 of mta3")
        took = time.monotonic() - fault

    assert took < DOWN_WITHIN_SECONDS
    assert {member for member in MEMBERS if 503 in answers.statuses(member)} <= {"mta3"}


def test_a_frozen_member_behind_several_routes_is_called_down_as_soon_as_behind_one(
    lab: Laboratory, launch: Launch
) -> None:
    # Given tries of two seconds each, that wait for one another: three for each of three routes take eighteen
    again = lab.config()["routes"]["inbound"] | {"interval": "1s", "deadline": "3s", "retry": {"attempts": 1}}
    program = launch(routes={"second": again, "third": again})
    all_called_up(program)

    with watching(program, MEMBERS) as answers:
        fault = time.monotonic()
        lab.member("mta3").freeze()
        eventually(lambda: program.health("mta3") == 503, within_seconds=LONG_ENOUGH_SECONDS + 8, what="503 of mta3")
        took = time.monotonic() - fault

    assert took < (FALL + 1) * TRY_SECONDS + INTERVAL_SECONDS + 2
    assert "unreachable" in program.get("/health/vip/mta3").json()["reason"]
    assert {member for member in MEMBERS if 503 in answers.statuses(member)} <= {"mta3"}


def test_a_frozen_member_costs_the_others_nothing(lab: Laboratory, launch: Launch) -> None:
    program = launch()
    all_called_up(program)
    lab.member("mta1").freeze()
    rounds = 12

    before = program.metrics()
    let_pass(rounds * INTERVAL_SECONDS)
    after = program.metrics()

    def grown(name: str, member: str) -> float:
        return after.total(name, member=member) - before.total(name, member=member)

    for member in ("mta2", "mta3", "mta4"):
        assert grown("mailflow_probes_started_total", member) >= rounds - 1
        assert grown("mailflow_probes_skipped_total", member) == 0
    assert grown("mailflow_probes_skipped_total", "mta1") >= rounds / 3
    turns = grown("mailflow_probes_started_total", "mta1") + grown("mailflow_probes_skipped_total", "mta1")
    assert rounds - 1 <= turns <= rounds + 1
    assert set(after.outcomes(member="mta1")) >= {"delivered", "unreachable"}
    # What it had accepted right before it froze stays in its queue, or its reply to the final dot is never seen.
    assert set(after.outcomes(member="mta1")) <= {"delivered", "unreachable", "missing", "unknown"}
    assert set(after.outcomes(member="mta2")) == {"delivered"}
    assert program.health("mta1") == 503
    assert after.unbalanced() == []
