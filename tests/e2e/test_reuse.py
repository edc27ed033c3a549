"""Connections that are kept: three routes go over one, as Postfix's own log shows, and it is left by QUIT."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually
from tests.e2e.program import Program, mailflow
from tests.e2e.quick import only, quick_config
from tests.lab import MONITOR, Laboratory

pytestmark = pytest.mark.lab

ROUTES = ("inbound", "second", "third")
ROUNDS = 3


def _config(lab: Laboratory, home: Path) -> dict[str, Any]:
    config = quick_config(lab, home, pools={"vip": {"smtp": {"reuse": "30s"}}})
    config["pools"]["vip"]["members"] = only(lab, "mta1")
    config["pools"]["vip"]["smtp"]["server_name"] = "mta1.lab.test"
    config["routes"] = dict.fromkeys(ROUTES, config["routes"]["inbound"])
    return config


def _log(lab: Laboratory) -> str:
    return lab.member("mta1").log.read_text(errors="replace")


def _connections(lab: Laboratory) -> int:
    """Return how many connections Postfix has taken so far."""
    return len(re.findall(r"smtpd\[\d+\]: connect from ", _log(lab)))


def _most_at_once(log: str) -> int:
    """Return how many connections stood at the same time, at most."""
    now = most = 0
    for word in re.findall(r"smtpd\[\d+\]: (connect|disconnect) from ", log):
        now += 1 if word == "connect" else -1
        most = max(most, now)
    return most


def _delivered(program: Program) -> list[dict[str, Any]]:
    return program.probes(outcome="delivered")


def test_three_routes_go_over_one_connection(lab: Laboratory, launch: Launch, tmp_path: Path) -> None:
    # Given
    before, log_before = _connections(lab), len(_log(lab))
    program = launch(_config(lab, tmp_path))

    # When
    eventually(lambda: len(_delivered(program)) >= ROUNDS * len(ROUTES), within_seconds=20, what="some rounds")
    probes, connections = program.probes(), _connections(lab) - before

    # Then
    assert {probe["outcome"] for probe in probes} <= {"delivered", None}
    assert connections == 1
    (fresh,) = [probe for probe in probes if probe["stages"] and not probe["reused"]]
    assert fresh == probes[-1]
    reused = next(probe for probe in _delivered(program) if probe["reused"])
    assert not {"connect", "banner", "ehlo", "starttls"} & set(reused["stages"])
    assert reused["smtp_seconds"] > 0
    explained = mailflow("explain", program.config_file, reused["id"]).stdout
    assert "RSET (kept connection" in explained

    # And: a certificate that nobody was shown anew is still known to expire
    assert program.metrics().total("mailflow_tls_certificate_expiry_timestamp_seconds", pool="vip", member="mta1")

    # And: at the end it is left politely
    assert program.stop() == 0
    (spoken,) = eventually(
        lambda: re.findall(r"disconnect from .*", _log(lab)[log_before:]), within_seconds=5, what="the line of the end"
    )
    assert re.search(r"\brset=\d+", spoken)
    assert "quit=1" in spoken


def test_neither_a_reload_nor_a_question_makes_a_second_connection(
    lab: Laboratory, launch: Launch, tmp_path: Path
) -> None:
    # Given a member that gets messages over a kept connection, and is asked meanwhile
    log_before, config = len(_log(lab)), _config(lab, tmp_path)
    message = config["routes"]["inbound"]
    asking = {"pool": "vip", "check": "rcpt", "from": message["from"], "to": MONITOR, "interval": "3s"}
    config["routes"] = {"inbound": message, "second": message, "asked": asking}
    program = launch(config)
    eventually(lambda: len(program.probes(outcome="accepted")) >= 2, within_seconds=20, what="two answers")

    # When
    program.reload(explain_for="13d")
    eventually(lambda: len(program.probes(outcome="accepted")) >= 4, within_seconds=20, what="two more answers")

    # Then
    assert {probe["outcome"] for probe in program.probes()} <= {"delivered", "accepted", None}
    assert program.stop() == 0
    log = _log(lab)[log_before:]
    assert _most_at_once(log) == 1
    left = re.findall(r"disconnect from .*", log)
    assert all("quit=1" in each for each in left)
    assert any(re.search(r"\bdata=[2-9]", each) for each in left)
