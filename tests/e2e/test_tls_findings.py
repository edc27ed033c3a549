"""MTA-STS and DANE as findings: real exchangers, a signed zone behind a validating resolver, and a policy host."""

import hashlib
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.patience import eventually
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import DOMAIN, MONITOR, SENDER, Laboratory
from tests.tlspolicy.policy_host import PolicyHost, policy, policy_host

pytestmark = pytest.mark.lab

MX = {"mx1": "mta1", "mx2": "mta2"}
ANNOUNCED = '_mta-sts TXT "v=STSv1; id=20261125;"'


@pytest.fixture(scope="module")
def signed() -> Iterator[Laboratory]:
    """Exchangers that show their authority as well, which records of usage 2 are about (RFC 7671 5.2)."""
    with Laboratory(2, dnssec=True) as lab:
        for member in lab.members.values():
            member.stop()
            with (lab.path / f"{member.hostname}.pem").open("a") as chain:
                chain.write(lab.ca_file.read_text())
            member.start()
        yield lab


@pytest.fixture
def host(signed: Laboratory) -> Iterator[PolicyHost]:
    """The policy host of lab.test, at the port that no resolver can tell: 443."""
    signed.reset()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(signed.certify(f"mta-sts.{DOMAIN}").key_and_chain)
    with policy_host(context, address=signed.hub, port=443) as served:
        yield served


def publish(lab: Laboratory, *records: str) -> None:
    """Let the zone have the policy host's address and these records, too."""
    lab.dns.rewrite([*lab.dns.records, f"mta-sts A {lab.hub}", *records])


def certificate_of(lab: Laboratory, member: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((lab.path / f"{lab.member(member).hostname}.pem").read_bytes())


def tlsa_of_key(lab: Laboratory, exchanger: str) -> str:
    """Return the record that names an exchanger's own key: 3 1 1, what most people publish."""
    key = certificate_of(lab, MX[exchanger]).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    return record(lab, exchanger, "3 1 1", digest)


def record(lab: Laboratory, exchanger: str, kind: str, digest: str) -> str:
    return f"_{lab.member(MX[exchanger]).port}._tcp.{exchanger} TLSA {kind} {digest}"


def verify(lab: Laboratory, *arguments: str) -> subprocess.CompletedProcess[str]:
    by = ("--nameserver", f"{lab.hub}:{lab.resolver.port}", "--port", str(lab.member("mta1").port), "--from", SENDER)
    command = [sys.executable, "-m", "probe", "verify", MONITOR, *by, "--rate", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=trusting(lab))


def trusting(lab: Laboratory) -> dict[str, str]:
    """Return an environment in which the laboratory's authority is the system's."""
    return {**os.environ, "SSL_CERT_FILE": str(lab.ca_file)}


def found(done: subprocess.CompletedProcess[str]) -> dict[str, list[tuple[str, str]]]:
    """Return source and word of every finding, by whom it is about."""
    told = json.loads(done.stdout)
    by_server = {server["hostname"].partition(".")[0]: server["findings"] for server in told["servers"]}
    return {name: words(findings) for name, findings in {"domain": told["findings"], **by_server}.items()}


def words(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(finding["source"], finding["finding"]) for finding in findings]


def test_where_all_is_well_there_is_nothing_to_say(signed: Laboratory, host: PolicyHost) -> None:
    host.body = policy(f"mx1.{DOMAIN}", f"*.{DOMAIN}")
    publish(signed, ANNOUNCED, tlsa_of_key(signed, "mx1"), tlsa_of_key(signed, "mx2"))

    done = verify(signed, "--json")

    assert done.returncode == 0, done.stderr
    assert found(done) == {"domain": [], "mx1": [], "mx2": []}
    assert host.asked == [("/.well-known/mta-sts.txt", f"mta-sts.{DOMAIN}")]


def test_an_exchanger_that_the_policy_does_not_name_is_found(signed: Laboratory, host: PolicyHost) -> None:
    host.body = policy(f"mx1.{DOMAIN}")
    publish(signed, ANNOUNCED)

    done = verify(signed)

    assert done.returncode == 0, "a finding changes no verdict: " + done.stderr
    *_, head, row, summary = done.stdout.splitlines()
    assert head.split() == ["TLS", "of", "source", "finding", "text"]
    assert row.split(maxsplit=3) == [
        f"mx2.{DOMAIN}-v4",
        "mta-sts",
        "validation-failure",
        f"mx2.{DOMAIN} is not among the mx of the policy",
    ]
    assert summary == f"all 2 servers accept {MONITOR}"


def test_a_tlsa_record_that_fits_no_more_is_found(signed: Laboratory, host: PolicyHost) -> None:
    stale = record(signed, "mx2", "3 1 1", "00" * 32)
    publish(signed, tlsa_of_key(signed, "mx1"), stale)

    done = verify(signed, "--json")

    assert done.returncode == 0, done.stderr
    assert found(done) == {"domain": [], "mx1": [], "mx2": [("dane", "validation-failure")]}
    assert host.asked == [], "nothing was announced"


def test_a_tlsa_record_that_names_the_authority_fits(signed: Laboratory, host: PolicyHost) -> None:
    authority = ssl.PEM_cert_to_DER_cert(signed.ca_file.read_text())
    digest = hashlib.sha256(authority).hexdigest()
    publish(signed, *(record(signed, exchanger, "2 0 1", digest) for exchanger in MX))

    assert found(verify(signed, "--json")) == {"domain": [], "mx1": [], "mx2": []}


def test_records_that_nobody_validated_are_not_judged(signed: Laboratory, host: PolicyHost) -> None:
    publish(signed, record(signed, "mx1", "3 1 1", "00" * 32), record(signed, "mx2", "3 1 1", "00" * 32))
    member = signed.member("mta1")
    unvalidated = ("--nameserver", f"{signed.hub}:{signed.dns.port}", "--port", str(member.port))

    done = verify(signed, "--json", *unvalidated)

    assert found(done) == {name: [("dane", "dnssec-missing")] for name in MX} | {"domain": []}


def test_the_daemon_tells_them_too_and_holds_nothing_against_anybody(
    signed: Laboratory, host: PolicyHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(signed.ca_file))
    host.body = policy(f"mx1.{DOMAIN}", mode="testing")
    publish(signed, ANNOUNCED, tlsa_of_key(signed, "mx1"), record(signed, "mx2", "3 1 1", "00" * 32))
    expected = {
        f"mx1.{DOMAIN}-v4": [],
        f"mx2.{DOMAIN}-v4": [("mta-sts", "validation-failure"), ("dane", "validation-failure")],
    }

    with running(signed, tmp_path) as program:
        eventually(lambda: told_by(program) == expected, within_seconds=15, what="the findings on both exchangers")
        [pool] = program.get("/api/v1/pools").json()["pools"]
        metrics = program.metrics()
        counts = [metrics.total("mailflow_tls_findings", pool="mx", member=member) for member in expected]
        page = program.get("/").text
        eventually(
            lambda: all(program.health(member, "mx") == 200 for member in expected), within_seconds=10, what="both up"
        )

    assert words(pool["findings"]) == [("mta-sts", "sts-not-enforced")]
    assert counts == [0, 2]
    assert f"mx2.{DOMAIN} is not among the mx of the policy" in page


@contextmanager
def running(lab: Laboratory, home: Path) -> Iterator[Program]:
    """Run the daemon on the exchangers of the signed zone."""
    config = quick_config(lab, home)
    smtp = config["pools"]["vip"]["smtp"]
    config["pools"] = {"mx": {"discover": {"mx": DOMAIN, "port": lab.member("mta1").port}, "smtp": smtp}}
    config["routes"]["inbound"]["pool"] = "mx"
    with Program(config, home) as program:
        yield program


def told_by(program: Program) -> dict[str, list[tuple[str, str]]]:
    [pool] = program.get("/api/v1/pools").json()["pools"]
    return {member["name"]: words(member["findings"]) for member in pool["members"]}
