"""Members found by MX, on a real name server, that come and go while the program runs."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import DOMAIN, Laboratory

pytestmark = pytest.mark.lab

KNOWN_WITHIN_SECONDS = 45
"""No look-up follows another sooner than after half a minute, however short the TTL is."""


def config_of(lab: Laboratory, home: Path, domain: str = DOMAIN) -> dict[str, Any]:
    config = quick_config(lab, home)
    smtp = config["pools"]["vip"]["smtp"]
    config["pools"] = {"mx": {"discover": {"mx": domain, "port": lab.member("mta1").port}, "smtp": smtp}}
    config["routes"]["inbound"]["pool"] = "mx"
    return config


def members(program: Program) -> dict[str, str]:
    """Return the address of every member that is known now."""
    [pool] = program.get("/api/v1/pools").json()["pools"]
    return {member["address"].partition(":")[0]: member["name"] for member in pool["members"]}


def addresses(lab: Laboratory, *names: str) -> set[str]:
    return {lab.member(name).address for name in names}


def exchangers(lab: Laboratory, *numbers: int) -> list[str]:
    """Return the records of a domain that has these exchangers."""
    hosts = [f"mx{number} A {lab.member(f'mta{number}').address}" for number in numbers]
    return [*hosts, *(f"@ MX {10 * number} mx{number}" for number in numbers)]


def are_members(program: Program, wanted: set[str]) -> None:
    eventually(
        lambda: members(program).keys() == wanted, within_seconds=KNOWN_WITHIN_SECONDS, what=f"the members {wanted}"
    )


def delivered_through(program: Program, member: str) -> None:
    eventually(
        lambda: program.probes(member=member, outcome="delivered"), within_seconds=15, what=f"a delivery by {member}"
    )


def test_every_exchanger_is_probed_and_they_come_and_go_while_it_runs(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    program = launch(config_of(lab, tmp_path))
    are_members(program, addresses(lab, "mta1", "mta2"))
    first, second = members(program)[lab.member("mta1").address], members(program)[lab.member("mta2").address]
    delivered_through(program, first)
    delivered_through(program, second)

    lab.dns.rewrite(exchangers(lab, 2, 3))
    are_members(program, addresses(lab, "mta2", "mta3"))
    third = members(program)[lab.member("mta3").address]
    delivered_through(program, third)

    assert program.health(first, pool="mx") == 404
    assert program.health(third, pool="mx") == 200
    assert program.metrics().outcomes().keys() == {"delivered"}
    assert program.metrics().unbalanced() == []


def test_without_dns_the_last_good_members_are_probed_on_and_the_trouble_is_shown(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    program = launch(config_of(lab, tmp_path))
    are_members(program, addresses(lab, "mta1", "mta2"))
    lab.dns.stop()
    eventually(
        lambda: "could not be looked up" in program.log(),
        within_seconds=KNOWN_WITHIN_SECONDS,
        what="a sentence in the log",
    )
    before = program.metrics()
    let_pass(3)
    after = program.metrics()

    assert members(program).keys() == addresses(lab, "mta1", "mta2")
    for member in members(program).values():
        assert after.outcomes(member=member)["delivered"] > before.outcomes(member=member).get("delivered", 0)
    assert after.outcomes().keys() == {"delivered"}


def test_a_name_server_that_comes_late_is_asked_again(lab: Laboratory, launch: Launch, tmp_path: Path) -> None:
    lab.dns.stop()
    program = launch(config_of(lab, tmp_path))
    none_yet = members(program)
    lab.dns.start()
    are_members(program, addresses(lab, "mta1", "mta2"))

    assert none_yet == {}
    assert program.get("/health/mx").status_code == 200


@pytest.mark.parametrize("domain, found", [(f"implicit.{DOMAIN}", ("mta1",)), (f"null.{DOMAIN}", ())])
def test_a_domain_without_exchangers_is_its_own_and_one_with_a_null_mx_has_none(
    lab: Laboratory, launch: Launch, tmp_path: Path, domain: str, found: tuple[str, ...]
) -> None:
    config = config_of(lab, tmp_path, domain)
    config["pools"]["mx"]["smtp"]["server_name"] = "mta1.lab.test"
    program = launch(config)
    are_members(program, addresses(lab, *found))

    for member in members(program).values():
        delivered_through(program, member)
    assert ("null MX" in program.log()) == (not found)
