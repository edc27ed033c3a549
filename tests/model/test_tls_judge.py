"""What is found about the TLS of exchangers: every word, and where it is left unsaid."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probe.model.certificate import Certificate, Shown
from probe.model.dane import Tlsa
from probe.model.sts import StsMode, StsPolicy
from probe.model.tls_findings import (
    Finding,
    Published,
    ServerTls,
    Source,
    StsAnswer,
    TlsaAnswer,
    Word,
)
from probe.model.tls_judge import SOON, judge
from probe.model.tls_seen import UNSEEN, TlsSeen

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOST, PORT = "mx1.lab.test", 25
GOOD = Certificate(b"DER", b"key", (HOST,), NOW - timedelta(days=30), NOW + timedelta(days=60))
ANCHOR = Certificate(b"CA", b"CA's key", (), GOOD.begins, GOOD.expires)
SHOWN = Shown(GOOD, trusted=True, anchors=(ANCHOR,))
OVER_TLS = TlsSeen(offered=True, version="TLSv1.3", chain=(b"DER",), whole=True)
IN_CLEAR = TlsSeen(offered=False)
BROKEN = TlsSeen(offered=True, trouble="TLS with mx1 failed: wrong version number")
OWN_KEY = TlsaAnswer((Tlsa(3, 1, 0, b"key"),), secure=True)
OTHER_KEY = TlsaAnswer((Tlsa(3, 1, 0, b"another"),), secure=True)
BY_ANCHOR = TlsaAnswer((Tlsa(2, 0, 0, b"CA"),), secure=True)

STS, DANE, PLAIN = Source.MTA_STS, Source.DANE, Source.PLAIN
Said = list[tuple[Source, Word]]


def server(seen: TlsSeen = OVER_TLS, shown: Shown | None = SHOWN, host: str = HOST) -> ServerTls:
    return ServerTls(host, PORT, seen, shown if seen.chain else None)


def showing(*, trusted: bool | None = True, **changes: object) -> ServerTls:
    return server(shown=replace(SHOWN, leaf=replace(GOOD, **changes), trusted=trusted))  # type: ignore[arg-type]  # fields of Certificate


def policy(*mx: str, mode: StsMode = StsMode.ENFORCE) -> StsAnswer:
    return StsAnswer(StsPolicy(mode, mx or (HOST,), timedelta(days=1)))


def published(
    sts: StsAnswer | None = None, tlsa: Mapping[str, TlsaAnswer] | None = None, *, mx_secure: bool = True
) -> Published:
    return Published(
        "lab.test", sts or StsAnswer(), mx_secure, {(host, PORT): answer for host, answer in (tlsa or {}).items()}
    )


def said(findings: tuple[Finding, ...]) -> Said:
    return [(finding.source, finding.word) for finding in findings]


def of_server(judged: ServerTls, by: Published, **others: ServerTls) -> Said:
    return said(judge(by, {"judged": judged, **others}, now=NOW).servers["judged"])


EXPIRED = showing(expires=NOW - timedelta(seconds=1))
OF_ANOTHER = showing(names=("mx2.lab.test",))
UNTRUSTED = showing(trusted=False)


@pytest.mark.parametrize(
    "judged, findings",
    [
        (server(), []),
        (server(host="mx2.lab.test"), [Word.VALIDATION_FAILURE, Word.CERTIFICATE_HOST_MISMATCH]),
        (server(IN_CLEAR), [Word.STARTTLS_NOT_SUPPORTED]),
        (server(BROKEN), [Word.VALIDATION_FAILURE]),
        (server(UNSEEN), [Word.NOT_JUDGED]),
        (server(TlsSeen(offered=True)), [Word.NOT_JUDGED]),
        (EXPIRED, [Word.CERTIFICATE_EXPIRED]),
        (showing(expires=NOW + timedelta(days=60), begins=NOW + timedelta(seconds=1)), [Word.CERTIFICATE_EXPIRED]),
        (OF_ANOTHER, [Word.CERTIFICATE_HOST_MISMATCH]),
        (showing(names=("*.lab.test",)), []),
        (showing(names=("*.test",)), [Word.CERTIFICATE_HOST_MISMATCH]),
        (showing(names=("lab.test",)), [Word.CERTIFICATE_HOST_MISMATCH]),
        (UNTRUSTED, [Word.CERTIFICATE_NOT_TRUSTED]),
        (showing(trusted=None), [Word.NOT_JUDGED]),
    ],
)
@pytest.mark.parametrize("mode", [StsMode.ENFORCE, StsMode.TESTING])
def test_a_policy_is_held_against_each_exchanger(judged: ServerTls, findings: list[Word], mode: StsMode) -> None:
    assert of_server(judged, published(policy(mode=mode))) == [(STS, word) for word in findings]


@pytest.mark.parametrize("judged", [server(IN_CLEAR), UNTRUSTED, server(host="mx9.lab.test", seen=IN_CLEAR)])
def test_a_policy_that_was_withdrawn_asks_for_nothing(judged: ServerTls) -> None:
    assert of_server(judged, published(policy(mode=StsMode.NONE))) == []


@pytest.mark.parametrize(
    "judged, answer, findings",
    [
        (server(), OWN_KEY, []),
        (server(), OTHER_KEY, [Word.VALIDATION_FAILURE]),
        (server(), BY_ANCHOR, []),
        (server(), TlsaAnswer((Tlsa(1, 1, 0, b"key"),), secure=True), [Word.TLSA_INVALID]),
        (server(), replace(OTHER_KEY, secure=False), [Word.DNSSEC_MISSING]),
        (server(), TlsaAnswer(trouble="mx1 cannot be looked up"), [Word.DNSSEC_INVALID]),
        (server(IN_CLEAR), OWN_KEY, [Word.STARTTLS_NOT_SUPPORTED]),
        (server(BROKEN), OWN_KEY, [Word.VALIDATION_FAILURE]),
        (server(UNSEEN), OWN_KEY, [Word.NOT_JUDGED]),
        (server(shown=replace(SHOWN, anchors=(), whole=False)), BY_ANCHOR, [Word.NOT_JUDGED]),
        # RFC 7672 3.1.1: by the certificate itself neither names nor dates count, nor who answers for it.
        (EXPIRED, OWN_KEY, []),
        (OF_ANOTHER, OWN_KEY, []),
        (UNTRUSTED, OWN_KEY, []),
        # RFC 7672 3.1.2, 3.2.2: by an authority they do, and the mail domain is a name as well.
        (EXPIRED, BY_ANCHOR, [Word.CERTIFICATE_EXPIRED]),
        (OF_ANOTHER, BY_ANCHOR, [Word.CERTIFICATE_HOST_MISMATCH]),
        (showing(names=("lab.test",)), BY_ANCHOR, []),
        (UNTRUSTED, BY_ANCHOR, []),
    ],
)
def test_records_are_held_against_each_exchanger(judged: ServerTls, answer: TlsaAnswer, findings: list[Word]) -> None:
    assert of_server(judged, published(tlsa={HOST: answer})) == [(DANE, word) for word in findings]


def test_an_exchanger_without_records_beside_others_is_a_way_around_them() -> None:
    by = published(tlsa={"mx2.lab.test": OWN_KEY, HOST: TlsaAnswer()})
    assert (DANE, Word.DANE_REQUIRED) in of_server(server(), by, other=server(host="mx2.lab.test"))


def test_both_policies_are_held_against_an_exchanger() -> None:
    by = published(policy("mx2.lab.test"), {HOST: OTHER_KEY})
    assert of_server(UNTRUSTED, by) == [
        (STS, Word.VALIDATION_FAILURE),
        (STS, Word.CERTIFICATE_NOT_TRUSTED),
        (DANE, Word.VALIDATION_FAILURE),
    ]


@pytest.mark.parametrize(
    "judged, findings",
    [
        (server(), []),
        (server(IN_CLEAR), [Word.STARTTLS_NOT_SUPPORTED]),
        (server(UNSEEN), []),
        (server(BROKEN), [Word.VALIDATION_FAILURE]),
        (EXPIRED, [Word.CERTIFICATE_EXPIRED]),
        (OF_ANOTHER, [Word.CERTIFICATE_HOST_MISMATCH]),
        (UNTRUSTED, []),
    ],
)
def test_without_any_policy_what_is_odd_is_told(judged: ServerTls, findings: list[Word]) -> None:
    assert of_server(judged, published(), other=server()) == [(PLAIN, word) for word in findings]


def test_where_no_exchanger_offers_tls_none_is_told_for_it() -> None:
    assert of_server(server(IN_CLEAR), published(), other=server(IN_CLEAR)) == []


@pytest.mark.parametrize(
    "left, findings",
    [
        (SOON + timedelta(seconds=1), []),
        (SOON, [(PLAIN, Word.CERTIFICATE_EXPIRES_SOON)]),
        (timedelta(seconds=1), [(PLAIN, Word.CERTIFICATE_EXPIRES_SOON)]),
        (timedelta(0), []),
    ],
)
def test_a_certificate_that_expires_soon_is_told(left: timedelta, findings: Said) -> None:
    assert of_server(showing(expires=NOW + left), published()) == findings


@pytest.mark.parametrize(
    "by, told",
    [
        (published(tlsa={HOST: OWN_KEY}), False),
        (published(policy(), {HOST: OWN_KEY}), True),
        (published(policy(mode=StsMode.NONE), {HOST: OWN_KEY}), False),
        (published(tlsa={HOST: BY_ANCHOR}), True),
        (published(tlsa={HOST: replace(OWN_KEY, secure=False)}), True),
    ],
)
def test_where_nobody_looks_at_dates_they_are_left_out(by: Published, told: bool) -> None:
    expiring = showing(expires=NOW + timedelta(days=1))
    assert ((PLAIN, Word.CERTIFICATE_EXPIRES_SOON) in of_server(expiring, by)) is told


FAULT = Finding(Word.STS_POLICY_FETCH_ERROR, STS, "mta-sts.lab.test answered with status 404 instead of a policy")


@pytest.mark.parametrize(
    "by, findings",
    [
        (published(), []),
        (published(policy()), []),
        (published(StsAnswer(fault=FAULT)), [(STS, Word.STS_POLICY_FETCH_ERROR)]),
        (published(policy(mode=StsMode.TESTING)), [(STS, Word.STS_NOT_ENFORCED)]),
        (published(policy(mode=StsMode.NONE)), [(STS, Word.STS_NOT_ENFORCED)]),
        (published(tlsa={HOST: OWN_KEY}), []),
        (published(tlsa={HOST: OWN_KEY}, mx_secure=False), [(DANE, Word.DNSSEC_MISSING)]),
        (published(tlsa={HOST: replace(OWN_KEY, secure=False)}, mx_secure=False), []),
    ],
)
def test_what_the_domain_itself_lacks_is_told(by: Published, findings: Said) -> None:
    assert said(judge(by, {}, now=NOW).domain) == findings
