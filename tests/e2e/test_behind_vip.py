"""Members that only a real balancer leads to, known by the names they greet with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.balancers.vip import Vip
from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program, mailflow, printed_json
from tests.e2e.quick import FALL, quick_config
from tests.e2e.verdicts import watching
from tests.lab import DOMAIN, MONITOR, SENDER, Laboratory

pytestmark = pytest.mark.lab

NAMES = tuple(f"mta{number}.{DOMAIN}" for number in (1, 2, 3))
INTERVAL_SECONDS, DEADLINE_SECONDS = 3, 6
DOWN_WITHIN_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 6
"""As for members that are dialled directly, and what the dials take."""
UP_WITHIN_SECONDS = 20


@pytest.fixture
def balancer(lab: Laboratory, tmp_path: Path) -> Iterator[Vip]:
    members = [lab.member(name.partition(".")[0]) for name in NAMES]
    with Vip(members, host=lab.hub, home=tmp_path) as balancer:
        yield balancer


def config_of(lab: Laboratory, home: Path, balancer: Vip) -> dict[str, Any]:
    config = quick_config(lab, home)
    smtp = config["pools"]["vip"]["smtp"]
    config["pools"] = {"vip": {"discover": {"vip": balancer.address, "members": list(NAMES)}, "smtp": smtp}}
    times = {"interval": f"{INTERVAL_SECONDS}s", "deadline": f"{DEADLINE_SECONDS}s"}
    config["routes"]["inbound"] |= times
    return config


def all_called_up(program: Program) -> None:
    eventually(
        lambda: program.metrics().total("mailflow_member_state", pool="vip", state="up") == len(NAMES),
        within_seconds=UP_WITHIN_SECONDS,
        what="every member to be called up",
    )


def test_each_member_is_probed_through_the_vip_and_carries_its_own_message(
    lab: Laboratory, launch: Launch, tmp_path: Path, balancer: Vip
) -> None:
    program = launch(config_of(lab, tmp_path, balancer))
    all_called_up(program)

    for name in NAMES:
        delivered = program.probes(member=name, outcome="delivered")
        assert delivered
        for probe in delivered:
            life = program.life(probe["id"])
            hosts = {hop["by"] for hop in life["hops"]}
            assert hosts & set(NAMES) == {name}
    assert program.metrics().outcomes().keys() == {"delivered"}
    assert program.metrics().unbalanced() == []


def test_a_member_that_is_stopped_is_unknown_and_nobody_is_called_down(
    lab: Laboratory, launch: Launch, tmp_path: Path, balancer: Vip
) -> None:
    program = launch(config_of(lab, tmp_path, balancer))
    all_called_up(program)
    lab.member("mta3").stop()

    with watching(program, NAMES) as answers:
        unknown = eventually(
            lambda: program.probes(member=NAMES[2], outcome="unknown"),
            within_seconds=UP_WITHIN_SECONDS,
            what="a probe that nobody can tell of",
        )
        let_pass(DOWN_WITHIN_SECONDS)
    lab.member("mta3").start()

    assert f"{NAMES[2]} did not answer in 12 dials of {balancer.address}: " in unknown[0]["reason"]
    told = mailflow("explain", program.config_file, unknown[0]["id"]).stdout
    assert told.count("<dial ") == 12
    assert f"<dial 1: {NAMES[0]} answered>" in told or f"<dial 1: {NAMES[1]} answered>" in told
    assert {name: answers.statuses(name) for name in NAMES} == {name: {200} for name in NAMES}
    for name in NAMES[:2]:
        assert program.metrics().outcomes(member=name).keys() == {"delivered"}
    assert set(program.metrics().outcomes(member=NAMES[2])) <= {"delivered", "unknown"}
    before = program.metrics().outcomes(member=NAMES[2])["delivered"]
    eventually(
        lambda: program.metrics().outcomes(member=NAMES[2])["delivered"] > before,
        within_seconds=UP_WITHIN_SECONDS,
        what="a delivery by the member that came back",
    )


def test_a_dead_vip_is_a_shared_fault_and_no_members_whatever_other_pools_do(
    lab: Laboratory, launch: Launch, tmp_path: Path, balancer: Vip
) -> None:
    config = config_of(lab, tmp_path, balancer)
    mta4 = lab.member("mta4")
    config["pools"]["direct"] = {"members": {"mta4": f"{mta4.address}:{mta4.port}"}}
    config["routes"]["direct"] = config["routes"]["inbound"] | {"pool": "direct", "interval": "1s"}
    program = launch(config)
    all_called_up(program)
    balancer.stop()

    with watching(program, NAMES) as answers:
        eventually(
            lambda: program.metrics().total("mailflow_shared_fault", pool="vip") == 1,
            within_seconds=DOWN_WITHIN_SECONDS,
            promised=True,
            what="a shared fault",
        )
        let_pass(DOWN_WITHIN_SECONDS)

    assert {name: answers.statuses(name) for name in NAMES} == {name: {200} for name in NAMES}
    for name in NAMES:
        assert program.metrics().outcomes(member=name)["unreachable"] >= FALL
    assert program.metrics().total("mailflow_shared_fault", pool="vip") == 1
    assert program.metrics().outcomes(pool="direct").keys() == {"delivered"}
    direct, vip = sorted(program.get("/api/v1/pools").json()["pools"], key=lambda pool: str(pool["name"]))
    [fault] = vip["shared_faults"]
    assert (fault["kind"], direct["shared_faults"]) == ("pool", [])
    assert fault["text"].startswith("none can be reached, while members of direct can: look at what")


def test_a_member_that_discards_is_called_down_through_the_vip_and_alone(
    lab: Laboratory, launch: Launch, tmp_path: Path, balancer: Vip
) -> None:
    program = launch(config_of(lab, tmp_path, balancer))
    all_called_up(program)

    with watching(program, NAMES) as answers:
        lab.member("mta2").discard()
        eventually(
            lambda: program.health(NAMES[1]) == 503, within_seconds=DOWN_WITHIN_SECONDS, promised=True, what="503"
        )

    assert answers.statuses(NAMES[0]) == answers.statuses(NAMES[2]) == {200}
    assert "missing" in program.get(f"/health/vip/{NAMES[1]}").json()["reason"]


def test_the_members_behind_a_vip_are_asked_and_probed_by_commands(
    lab: Laboratory, tmp_path: Path, balancer: Vip
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config_of(lab, tmp_path, balancer)))
    question = (MONITOR, "--pool", "vip", "--rate", "0", "--from", SENDER, "--json")
    asked, once = mailflow("verify", path, *question), mailflow("once", path, "--json")

    answers = {server["server"]: server["verdict"] for server in printed_json(asked)["servers"]}
    assert (asked.returncode, answers) == (0, dict.fromkeys(NAMES, "accepted")), asked.stderr
    probes = {probe["member"]: probe["outcome"] for probe in printed_json(once)["probes"]}
    assert (once.returncode, probes) == (0, dict.fromkeys(NAMES, "delivered")), once.stderr
