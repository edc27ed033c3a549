"""``mailflow verify`` as a process, against real Postfix members and a real name server."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.patience import eventually
from tests.lab import DOMAIN, MONITOR, SENDER, Laboratory

pytestmark = pytest.mark.lab


def verify(lab: Laboratory, address: str, *arguments: str, rate: str = "0") -> subprocess.CompletedProcess[str]:
    """Ask the exchangers of an address's domain, as the laboratory's name server has them."""
    member = lab.member("mta1")
    by = ("--nameserver", f"{lab.dns.address}:{lab.dns.port}", "--port", str(member.port), "--from", SENDER)
    return run(address, *by, "--rate", rate, *arguments)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "probe", "verify", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def servers(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["servers"]
    return found


def farewells(lab: Laboratory, member: str) -> list[str]:
    """Return what Postfix counts of each session in which somebody spoke."""
    return [line for line in lab.maillog(member).splitlines() if "disconnect from" in line and "ehlo=" in line]


def new_farewells(lab: Laboratory, member: str, *, after: int) -> list[str]:
    """Return those that come after so many."""
    eventually(lambda: len(farewells(lab, member)) > after, within_seconds=5, what="the end of the session")
    return farewells(lab, member)[after:]


@pytest.mark.parametrize(
    "address, code, verdict, reply",
    [
        (MONITOR, 0, "accepted", 250),
        (f"refuse@{DOMAIN}", 2, "refused", 550),
        (f"refuse-now@{DOMAIN}", 3, "refused_for_now", 450),
    ],
)
def test_every_exchanger_is_asked_and_left_in_good_order(
    lab: Laboratory, address: str, code: int, verdict: str, reply: int
) -> None:
    before = {name: len(farewells(lab, name)) for name in ("mta1", "mta2")}

    done = verify(lab, address, "--json")

    assert done.returncode == code, done.stderr
    assert [(server["preference"], server["verdict"], server["code"]) for server in servers(done)] == [
        (10, verdict, reply),
        (20, verdict, reply),
    ]
    for name, past in before.items():
        [farewell] = new_farewells(lab, name, after=past)
        assert ("rset=1" in farewell, "quit=1" in farewell, "data=" in farewell) == (True, True, False)


def test_exchangers_of_two_minds_are_named(lab: Laboratory) -> None:
    lab.member("mta2").refuse()

    done = verify(lab, MONITOR)

    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].startswith(
        f"the servers disagree about {MONITOR}: mx1.{DOMAIN}-v4 accepts it; mx2.{DOMAIN}-v4 refuses it (5"
    )


def test_between_two_exchangers_is_a_pause(lab: Laboratory) -> None:
    began = time.monotonic()
    done = verify(lab, MONITOR, rate="1500ms")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began >= 1.5


def test_a_domain_with_a_null_mx_is_a_sentence(lab: Laboratory) -> None:
    done = verify(lab, f"monitor@null.{DOMAIN}")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"null.{DOMAIN} takes no mail: it has a null MX (RFC 7505)\n"


def test_a_name_server_that_is_gone_is_a_sentence(lab: Laboratory) -> None:
    lab.dns.stop()
    done = verify(lab, MONITOR)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"{DOMAIN} cannot be looked up (")


def test_the_members_of_a_pool_are_asked_by_its_own_settings(lab: Laboratory, tmp_path: Path) -> None:
    config = str(lab.write_config(tmp_path / "config.yaml"))
    lab.member("mta3").stop()

    done = run(MONITOR, "--pool", "vip", "-c", config, "--rate", "0", "--json")

    assert done.returncode == 3, done.stderr
    verdicts = {server["server"]: server["verdict"] for server in servers(done)}
    assert verdicts == dict.fromkeys(lab.members, "accepted") | {"mta3": "no_answer"}
    [answered, *_] = servers(done)
    assert any(exchange["sent"] == f"MAIL FROM:<{SENDER}>" for exchange in answered["transcript"])
