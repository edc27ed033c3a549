"""Ways to speak to a member: STARTTLS, implicit TLS, certificates that do and do not fit, a log-in."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import MONITOR, PASSWORD, Laboratory
from tests.lab.postfix_config import SMTP_PORT, SMTPS_PORT, SUBMISSION_PORT

pytestmark = pytest.mark.lab


@dataclass(frozen=True, slots=True)
class Way:
    """How a pool is spoken to, and where a probe ends that does so."""

    smtp: dict[str, Any]
    port: int = SMTP_PORT
    outcome: str = "delivered"
    stage: str = "body"
    reason: str = ""
    says: str = "EHLO STARTTLS MAIL RCPT DATA QUIT"
    """The verbs that were sent, each at its first occurrence."""


LOGIN = {"username": MONITOR, "password": {"file": "password"}}
WRONG = {"username": MONITOR, "password": {"file": "wrong"}}
WAYS = {
    "plain": Way({"tls": "none"}, says="EHLO MAIL RCPT DATA QUIT"),
    "opportunistic": Way({"tls": "opportunistic"}),
    "verified": Way({"tls": "starttls"}),
    "misnamed": Way(
        {"tls": "starttls", "server_name": "mta9.lab.test"},
        outcome="unreachable",
        stage="starttls",
        reason="mta9.lab.test",
        says="EHLO STARTTLS",
    ),
    "implicit": Way({"tls": "implicit"}, port=SMTPS_PORT, says="EHLO MAIL RCPT DATA QUIT"),
    "implicit-misnamed": Way(
        {"tls": "implicit", "server_name": "mta9.lab.test"},
        port=SMTPS_PORT,
        outcome="unreachable",
        stage="connect",
        reason="mta9.lab.test",
        says="",
    ),
    "submission": Way(
        {"tls": "starttls", "auth": LOGIN}, port=SUBMISSION_PORT, says="EHLO STARTTLS AUTH MAIL RCPT DATA QUIT"
    ),
    "wrong-password": Way(
        {"tls": "starttls", "auth": WRONG},
        port=SUBMISSION_PORT,
        outcome="rejected",
        stage="auth",
        reason="535",
        says="EHLO STARTTLS AUTH QUIT",
    ),
    "no-log-in": Way({"tls": "starttls"}, port=SUBMISSION_PORT, outcome="rejected", stage="rcpt", reason="554"),
}


@pytest.fixture(scope="module")
def program(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    laboratory.reset()
    home = tmp_path_factory.mktemp("transport")
    (home / "password").write_text(PASSWORD)
    (home / "wrong").write_text("not-the-password")
    with Program(_config(laboratory, home), home) as program:
        yield program


def _config(lab: Laboratory, home: Path) -> dict[str, Any]:
    config = quick_config(lab, home)
    usual = config["pools"]["vip"]["smtp"] | {"verify": True}
    mta1 = lab.member("mta1")
    config["pools"] = {
        name: {
            "members": {"mta1": {"address": mta1.address, "port": way.port, "hostname": mta1.hostname}},
            "smtp": usual | way.smtp,
        }
        for name, way in WAYS.items()
    }
    config["routes"] = {name: config["routes"]["inbound"] | {"pool": name} for name in WAYS}
    return config


def ended(program: Program, route: str) -> dict[str, Any]:
    """Return all that is known of the first probe of a route that has ended."""
    probes = eventually(
        lambda: [probe for probe in program.probes(route=route) if probe["outcome"]],
        within_seconds=15,
        what=f"a probe of {route} to end",
    )
    return program.life(probes[-1]["id"])


@pytest.mark.parametrize("name", WAYS)
def test_a_member_is_spoken_to_as_the_config_says(program: Program, name: str) -> None:
    way = WAYS[name]
    life = ended(program, name)
    words = dict.fromkeys(exchange["sent"].split()[0] for exchange in life["transcript"] if exchange["sent"])

    assert (life["outcome"], life["stage"]) == (way.outcome, way.stage), life["reason"]
    assert way.reason in life["reason"]
    assert [word for word in words if word.isalpha()] == way.says.split()


@pytest.mark.parametrize("name", ["submission", "wrong-password"])
def test_a_password_is_shown_to_nobody(program: Program, name: str) -> None:
    auth = [exchange for exchange in ended(program, name)["transcript"] if exchange["stage"] == "auth"]

    assert auth[0]["sent"].startswith("AUTH SCRAM-SHA-256")
    assert "***" in auth[0]["sent"]


def test_the_end_of_a_certificate_is_told(program: Program) -> None:
    ended(program, "verified")
    metrics = program.metrics()

    assert metrics.total("mailflow_tls_certificate_expiry_timestamp_seconds", pool="verified") > time.time()
    assert metrics.series("mailflow_tls_certificate_expiry_timestamp_seconds", pool="plain") == []
