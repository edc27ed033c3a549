"""A spot check as a scraper of blackbox_exporter reads it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client.parser import text_string_to_metric_families

from probe.metrics import spot_check_text
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Reply
from probe.model.settings import Member
from probe.model.spot_check import SpotCheck
from probe.model.tls_seen import TlsSeen
from tests.metrics.boards import attempt, settings

Told = dict[tuple[str, str], float]


def told(asked: Attempt, member: Member | None = None) -> Told:
    """Return every sample, by its name and the value of its label."""
    pool, route = settings().pools["vip"], settings().routes["inbound"]
    check = SpotCheck(member or pool.members[0], route, pool.smtp, asked, timedelta(seconds=0.25))
    families = text_string_to_metric_families(spot_check_text(check).decode())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


def asked() -> Attempt:
    return replace(attempt(), stage=Stage.RCPT, stages={Stage.CONNECT: timedelta(seconds=0.005)})


def refused() -> Attempt:
    return replace(asked(), ending=Ending.REFUSED, reply=Reply(550, ('go "away"',), "5.1.1"))


def test_a_member_that_would_take_mail_is_a_success() -> None:
    metrics = told(asked())
    assert metrics["probe_success", ""] == 1
    assert metrics["probe_duration_seconds", ""] == 0.25
    assert metrics["probe_dns_lookup_time_seconds", ""] == 0
    assert metrics["probe_failed_due_to_regex", ""] == 0
    assert metrics["probe_smtp_status_code", ""] == 250


def test_every_phase_is_there_and_0_where_it_was_not_reached() -> None:
    phases = {phase: value for (name, phase), value in told(asked()).items() if name == "probe_smtp_duration_seconds"}
    assert phases == {
        "connect": 0.005,
        **dict.fromkeys(("banner", "ehlo", "starttls", "auth", "mail", "rcpt", "quit"), 0),
    }


def test_a_refusal_is_a_failure_by_what_was_said() -> None:
    metrics = told(refused())
    assert (metrics["probe_success", ""], metrics["probe_failed_due_to_regex", ""]) == (0, 1)
    assert metrics["probe_smtp_status_code", ""] == 550


def test_a_member_that_is_out_of_reach_is_a_failure_by_nothing_that_was_said() -> None:
    metrics = told(replace(asked(), ending=Ending.UNREACHABLE, reply=None))
    assert (metrics["probe_success", ""], metrics["probe_failed_due_to_regex", ""]) == (0, 0)
    assert metrics["probe_smtp_status_code", ""] == 0


@pytest.mark.parametrize("address, version", [("127.0.0.1", 4), ("::1", 6), ("fe80::1%eth0", 6)])
def test_an_address_is_told_by_its_version_and_a_number_that_changes_with_it(address: str, version: int) -> None:
    metrics = told(asked(), Member("vip", "mta1", address))
    other = told(asked(), Member("vip", "mta1", "127.0.0.2"))
    assert metrics["probe_ip_protocol", ""] == version
    assert metrics["probe_ip_addr_hash", ""] != other["probe_ip_addr_hash", ""]


def test_a_program_has_no_address() -> None:
    metrics = told(asked(), Member("vip", "here", command=("/usr/sbin/sendmail", "-bs")))
    assert not [name for name, _ in metrics if name.startswith("probe_ip_")]


@pytest.mark.parametrize("openssl, go", [("TLSv1.3", "TLS 1.3"), ("TLSv1.2", "TLS 1.2"), ("TLSv1", "TLS 1.0")])
def test_tls_is_told_with_the_earliest_end_of_a_certificate(openssl: str, go: str) -> None:
    # Given
    ends = [datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC)]
    chain = tuple(certificate_until(end) for end in ends)

    # When
    metrics = told(replace(asked(), tls=TlsSeen(version=openssl, chain=chain)))

    # Then
    assert metrics["probe_tls_version_info", go] == 1
    assert metrics["probe_ssl_earliest_cert_expiry", ""] == min(ends).timestamp()


def test_without_tls_nothing_is_told_of_it() -> None:
    assert not [name for name, _ in told(asked()) if name.startswith(("probe_tls_", "probe_ssl_"))]


def test_what_a_server_says_never_becomes_a_label() -> None:
    assert {value for _, value in told(refused())} == {
        "",
        *(stage.value for stage in Stage if stage not in (Stage.DATA, Stage.BODY)),
    }


def certificate_until(end: datetime) -> bytes:
    issued = trustme.CA().issue_cert("mta1.lab.test", not_after=end).cert_chain_pems[0].bytes()
    return x509.load_pem_x509_certificate(issued).public_bytes(Encoding.DER)
