"""What became of a message on its way: damage is proved, told in words, and held against the member that did it."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import DEADLINE_SECONDS, FALL, INTERVAL_SECONDS, only, quick_config
from tests.lab import Laboratory

pytestmark = pytest.mark.lab

DOWN_WITHIN_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 5
OTHERS = ("mta1", "mta3")


def down(program: Program, member: str) -> str:
    """Wait until a member is called down, and return why."""
    answer = eventually(
        lambda: [page for page in [program.get(f"/health/vip/{member}")] if page.status_code == 503],
        within_seconds=DOWN_WITHIN_SECONDS,
        promised=True,
        what=f"503 of {member}",
    )[0]
    return str(answer.json()["reason"])


def others_only_delivered(program: Program) -> None:
    assert {member: program.health(member) for member in OTHERS} == dict.fromkeys(OTHERS, 200)
    assert all(program.metrics().outcomes(member=member).keys() == {"delivered"} for member in OTHERS)


def test_a_member_whose_filter_damages_mail_is_called_down_alone(lab: Laboratory, launch: Launch) -> None:
    lab.member("mta2").damage()
    program = launch()

    assert '1 octet of line 6 differs: "done." became "d?ne."' in down(program, "mta2")
    others_only_delivered(program)


def test_damage_that_all_members_do_alike_is_held_against_none(lab: Laboratory, launch: Launch) -> None:
    for member in lab.members.values():
        member.damage()
    program = launch()
    let_pass(DOWN_WITHIN_SECONDS)

    assert program.metrics().outcomes().keys() == {"altered"}
    assert program.metrics().total("mailflow_shared_fault") == 1
    assert {program.health(name) for name in lab.members} == {200}


def without_mta4(lab: Laboratory, home: Path) -> dict[str, Any]:
    """Return a config for all members but mta4, by which no message may go."""
    config = quick_config(lab, home, routes={"inbound": {"path": {"never": ["^mta4"]}}})
    config["pools"]["vip"]["members"] = only(lab, "mta1", "mta2", "mta3")
    return config


def test_a_member_that_sends_its_mail_by_a_forbidden_way_is_called_down_alone(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    lab.member("mta2").detour(lab.member("mta4"))
    program = launch(without_mta4(lab, tmp_path))

    assert 'it went through mta4.lab.test, which path.never "^mta4" forbids' in down(program, "mta2")
    others_only_delivered(program)


def latest(program: Program, *, hops: int, tls: bool = True) -> dict[str, Any]:
    """Wait for a delivered probe of mta2 that went through so many hops, and return its life."""
    return eventually(
        lambda: [
            life
            for probe in program.probes(member="mta2", outcome="delivered")[:1]
            for life in [program.life(probe["id"])]
            if len(life["hops"]) == hops and life["hops"][-2]["tls"] is tls
        ],
        within_seconds=DOWN_WITHIN_SECONDS,
        promised=True,
        what=f"a message over {hops} hops",
    )[0]


def changes(life: dict[str, Any]) -> list[str]:
    return [event["text"] for event in life["events"] if event["kind"] == "path changed"]


def test_a_new_hop_and_one_that_loses_tls_are_noticed_once_and_after_a_restart(lab: Laboratory, launch: Launch) -> None:
    program = launch()
    usual = latest(program, hops=2)
    assert [(hop["from"], hop["protocol"], hop["tls"], hop["member"]) for hop in usual["hops"]] == [
        ("probe.lab.test", "ESMTPS", True, True),
        ("mta2.lab.test", "LMTP", False, False),
    ]
    assert usual["hops"][0]["by"] == "mta2.lab.test"
    assert usual["stamped_by_member"] is True

    lab.member("mta2").detour(lab.member("mta3"), tls=True)
    latest(program, hops=3)
    program.stop()
    lab.member("mta2").detour(lab.member("mta3"), tls=False)
    program.start()
    latest(program, hops=3, tls=False)

    told = [text for probe in program.probes(member="mta2") for text in changes(program.life(probe["id"]))]
    assert told == ["mta3.lab.test no longer took the message over TLS", "a hop is new: mta3.lab.test"]
    assert program.metrics().total("mailflow_path_changes_total") == 2
    assert program.metrics().total("mailflow_path_changes_total", member="mta2") == 2
