"""The one place that judges the TLS of exchangers: findings for people, that change no outcome and no verdict."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from probe.model.certificate import Certificate, Shown
from probe.model.dane import DaneResult, Tlsa, dane_result
from probe.model.sts import StsMode, StsPolicy
from probe.model.tls_findings import Finding, Published, ServerTls, Source, TlsaAnswer, TlsFindings, Word

SOON = timedelta(days=14)
"""So long before a certificate expires it is worth a word."""


def judge(published: Published, servers: Mapping[str, ServerTls], *, now: datetime) -> TlsFindings:
    """Judge the servers, by name, that were seen; of others there is nothing to say."""
    tls_is_usual = any(server.seen.offered for server in servers.values())
    return TlsFindings(
        tuple(_of_domain(published)),
        {
            name: tuple(_of_server(server, published, tls_is_usual=tls_is_usual, now=now))
            for name, server in servers.items()
        },
    )


def _of_domain(published: Published) -> Iterator[Finding]:
    sts = published.sts
    if sts.fault:
        yield sts.fault
    if sts.policy and sts.policy.mode is not StsMode.ENFORCE:
        text = f"the policy is in mode {sts.policy.mode}: senders deliver whether or not it is kept"
        yield Finding(Word.STS_NOT_ENFORCED, Source.MTA_STS, text)
    if not published.mx_secure and any(answer.counts for answer in published.tlsa.values()):
        text = "the MX records are not signed: TLSA records of exchangers do not say who the exchangers are"
        yield Finding(Word.DNSSEC_MISSING, Source.DANE, text)


def _of_server(server: ServerTls, published: Published, *, tls_is_usual: bool, now: datetime) -> Iterator[Finding]:
    policy = published.sts.policy
    answer = published.tlsa.get((server.host, server.port), TlsaAnswer())
    bound_by_sts = policy is not None and policy.mode is not StsMode.NONE
    if policy and bound_by_sts:
        yield from _by_sts(server, policy, now=now)
    yield from _by_dane(server, answer, published, now=now)
    if not bound_by_sts and not answer.counts:
        yield from _without_policy(server, tls_is_usual=tls_is_usual, now=now)
    yield from _expiring(server, answer, bound_by_sts=bound_by_sts, now=now)


def _by_sts(server: ServerTls, policy: StsPolicy, *, now: datetime) -> Iterator[Finding]:
    source = Source.MTA_STS
    if not policy.names(server.host):
        yield Finding(Word.VALIDATION_FAILURE, source, f"{server.host} is not among the mx of the policy")
    if lack := _lack_of_tls(server, source):
        yield lack
    elif server.shown:
        yield from _faults_of(server.shown, server.host, (server.host,), source=source, now=now)


def _by_dane(server: ServerTls, answer: TlsaAnswer, published: Published, *, now: datetime) -> Iterator[Finding]:
    source = Source.DANE
    if answer.trouble:
        yield Finding(Word.DNSSEC_INVALID, source, answer.trouble)
    elif answer.records and not answer.secure:
        yield Finding(Word.DNSSEC_MISSING, source, f"{server.host} has TLSA records without DNSSEC: not judged")
    elif not answer.records and any(other.counts for other in published.tlsa.values()):
        text = f"{server.host} has no TLSA records, while other exchangers have: mail can be led to it"
        yield Finding(Word.DANE_REQUIRED, source, text)
    elif answer.counts and (lack := _lack_of_tls(server, source)):
        yield lack
    elif answer.counts and server.shown:
        yield from _by_records(server, server.shown, answer.records, domain=published.domain, now=now)


def _by_records(
    server: ServerTls, shown: Shown, records: tuple[Tlsa, ...], *, domain: str, now: datetime
) -> Iterator[Finding]:
    host, source = server.host, Source.DANE
    match dane_result(records, shown):
        case DaneResult.FITS:
            return
        case DaneResult.FITS_BY_ANCHOR:
            # RFC 7672 3.2.2: the next-hop domain counts as well.
            yield from _faults_of(shown, host, (host, domain), source=source, now=now, trusted=True)
        case DaneResult.FITS_NOT:
            text = f"none of the TLSA records of {host} fits the certificate that it shows"
            yield Finding(Word.VALIDATION_FAILURE, source, text)
        case DaneResult.UNUSABLE:
            text = f"no TLSA record of {host} is one that senders can use: usage 2 or 3 with a known digest"
            yield Finding(Word.TLSA_INVALID, source, text)
        case DaneResult.CANNOT_TELL:
            text = f"{host} has TLSA records of usage 2, and this Python does not show the chain that they are about"
            yield Finding(Word.NOT_JUDGED, source, text)


def _without_policy(server: ServerTls, *, tls_is_usual: bool, now: datetime) -> Iterator[Finding]:
    source = Source.PLAIN
    if tls_is_usual and server.seen.offered is False:
        text = f"{server.host} does not offer STARTTLS, while other exchangers do"
        yield Finding(Word.STARTTLS_NOT_SUPPORTED, source, text)
    elif server.seen.trouble:
        yield Finding(Word.VALIDATION_FAILURE, source, server.seen.trouble)
    elif server.shown:
        # Most senders check no certificate where no policy asks for it; who answers for it is left out.
        yield from _faults_of(server.shown, server.host, (server.host,), source=source, now=now, trusted=True)


def _expiring(server: ServerTls, answer: TlsaAnswer, *, bound_by_sts: bool, now: datetime) -> Iterator[Finding]:
    shown = server.shown
    if shown is None or not now < shown.leaf.expires <= now + SOON:
        return
    if answer.counts and not bound_by_sts and dane_result(answer.records, shown) is DaneResult.FITS:
        return  # RFC 7672 3.1.1
    text = f"the certificate of {server.host} expires on {shown.leaf.expires:%Y-%m-%d}"
    yield Finding(Word.CERTIFICATE_EXPIRES_SOON, Source.PLAIN, text)


def _lack_of_tls(server: ServerTls, source: Source) -> Finding | None:
    """Return why there is no certificate to judge, where a policy asks for one."""
    if server.shown:
        return None
    if server.seen.offered is False:
        return Finding(Word.STARTTLS_NOT_SUPPORTED, source, f"{server.host} does not offer STARTTLS")
    if server.seen.trouble:
        return Finding(Word.VALIDATION_FAILURE, source, server.seen.trouble)
    return Finding(Word.NOT_JUDGED, source, f"the certificate of {server.host} was not seen")


def _faults_of(
    shown: Shown, host: str, names: tuple[str, ...], *, source: Source, now: datetime, trusted: bool | None = None
) -> Iterator[Finding]:
    leaf = shown.leaf
    if not leaf.begins <= now <= leaf.expires:
        yield Finding(Word.CERTIFICATE_EXPIRED, source, f"the certificate of {host} {_out_of_date(leaf, now)}")
    if not any(leaf.is_for(name) for name in names):
        yield Finding(Word.CERTIFICATE_HOST_MISMATCH, source, f"the certificate of {host} is not for that name")
    if trusted is None and shown.trusted is None:
        text = f"whether the certificate of {host} is trusted cannot be told: there is no list of authorities"
        yield Finding(Word.NOT_JUDGED, source, text)
    elif not (trusted or shown.trusted):
        text = f"no authority that is trusted answers for the certificate of {host}"
        yield Finding(Word.CERTIFICATE_NOT_TRUSTED, source, text)


def _out_of_date(leaf: Certificate, now: datetime) -> str:
    return f"expired on {leaf.expires:%Y-%m-%d}" if now > leaf.expires else f"begins on {leaf.begins:%Y-%m-%d}"
