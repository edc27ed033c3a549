"""A spot check in the words of blackbox_exporter, so that its dashboards and alerts fit."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from zlib import crc32

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from probe.model.outcome import Stage
from probe.model.reply import Ending
from probe.model.spot_check import SpotCheck
from probe.model.tls_seen import TlsSeen
from probe.net.certificate import expiry

PHASES = tuple(stage for stage in Stage if stage not in (Stage.DATA, Stage.BODY))


def spot_check_text(check: SpotCheck) -> bytes:
    """Return all that a check came to, as a scrape of its own in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(check))
    return generate_latest(registry)


def spot_check_metrics(check: SpotCheck) -> Iterator[Metric]:
    """Tell what a check came to; no reply and no name of a certificate becomes a label."""
    yield _gauge("probe_success", "Displays whether or not the probe was a success", check.succeeded)
    yield _gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        check.took.total_seconds(),
    )
    yield _gauge(
        "probe_dns_lookup_time_seconds",
        "Returns the time taken for probe dns lookup in seconds; always 0: members are looked up beforehand",
        0,
    )
    yield _gauge(
        "probe_failed_due_to_regex",
        "Indicates if probe failed due to regex: here, by a reply that was not the expected one",
        not check.succeeded and check.attempt.ending in (Ending.REFUSED, Ending.REFUSED_FOR_NOW),
    )
    yield _gauge(
        "probe_smtp_status_code",
        "Code of the reply that decided, 0 where none did",
        check.attempt.code or 0,
    )
    yield _phases(check)
    yield from _address(check)
    yield from _tls(check.attempt.tls)


@dataclass(frozen=True, slots=True, eq=False)  # a registry keeps its collectors by identity
class _Collector(Collector):
    check: SpotCheck

    def collect(self) -> Iterator[Metric]:
        return spot_check_metrics(self.check)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=float(value))


def _phases(check: SpotCheck) -> Metric:
    family = GaugeMetricFamily(
        "probe_smtp_duration_seconds", "Duration of the SMTP dialogue by phase, 0 if not reached", labels=("phase",)
    )
    for phase in PHASES:
        took = check.attempt.stages.get(phase)
        family.add_metric((phase.value,), took.total_seconds() if took else 0)
    return family


def _address(check: SpotCheck) -> Iterator[Metric]:
    if check.member.address is None:
        return
    address = ip_address(check.member.address.partition("%")[0])
    yield _gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6", address.version)
    yield _gauge(
        "probe_ip_addr_hash",
        "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
        crc32(address.packed),
    )


def _tls(seen: TlsSeen) -> Iterator[Metric]:
    if expiries := [at for at in map(expiry, seen.chain) if at]:
        yield _gauge(
            "probe_ssl_earliest_cert_expiry",
            "Returns earliest SSL cert expiry date",
            min(expiries).timestamp(),
        )
    if seen.version:
        family = GaugeMetricFamily("probe_tls_version_info", "Contains the TLS version used", labels=("version",))
        family.add_metric((_version(seen.version),), 1)
        yield family


def _version(openssl: str) -> str:
    """Write a version as Go does: ``TLS 1.3``, where OpenSSL has ``TLSv1.3``."""
    number = openssl.removeprefix("TLSv")
    return f"TLS {number if '.' in number else f'{number}.0'}"
