"""What chains are worth: who answers for them, by which authorities they verify, and what is made of garbage."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.model.certificate import CHAIN_LIMIT, Shown
from probe.net.certificate import Authorities, read, shown

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEGAN = datetime(2019, 1, 1, tzinfo=UTC)
ENDS = datetime(2040, 1, 1, tzinfo=UTC)


def ders(*pems: trustme.Blob) -> list[bytes]:
    return [ssl.PEM_cert_to_DER_cert(pem.bytes().decode()) for pem in pems]


def authorities(home: Path, *cas: trustme.CA) -> Authorities:
    file = home / "ca.pem"
    file.write_bytes(b"".join(ca.cert_pem.bytes() for ca in cas))
    return Authorities(file)


def issued(ca: trustme.CA, *names: str, expires: datetime = ENDS) -> list[bytes]:
    return ders(*ca.issue_cert(*names, not_before=BEGAN, not_after=expires).cert_chain_pems)


def judged(chain: list[bytes], by: Authorities | None) -> Shown:
    told = shown(chain, whole=True, authorities=by, now=NOW)
    assert told
    return told


def test_what_a_certificate_says_is_read() -> None:
    ca = trustme.CA()
    [der] = issued(ca, "MX1.lab.test", "*.example.org", "127.0.0.1", "::1")
    told = read(der)
    assert told
    assert set(told.names) == {"mx1.lab.test", "*.example.org", "127.0.0.1", "::1"}
    assert (told.der, told.begins, told.expires) == (der, BEGAN, ENDS)
    key = x509.load_der_x509_certificate(der).public_key()
    assert told.spki == key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_a_chain_is_trusted_by_those_who_signed_it(tmp_path: Path) -> None:
    ca, other = trustme.CA(), trustme.CA()
    chain = issued(ca, "mx1.lab.test")
    assert judged(chain, authorities(tmp_path, other, ca)).trusted is True
    assert judged(chain, authorities(tmp_path, other)).trusted is False
    assert judged(chain, None).trusted is None


def test_the_system_s_authorities_answer_for_no_laboratory() -> None:
    assert judged(issued(trustme.CA(), "mx1.lab.test"), Authorities()).trusted is False


def test_an_authority_between_has_to_be_shown(tmp_path: Path) -> None:
    root = trustme.CA()
    chain = issued(root.create_child_ca(), "mx1.lab.test")
    assert len(chain) == 2
    assert judged(chain, authorities(tmp_path, root)).trusted is True
    assert judged(chain[:1], authorities(tmp_path, root)).trusted is False


@pytest.mark.parametrize("expires", [NOW - timedelta(days=1), NOW])
def test_whether_it_is_out_of_date_is_another_question(tmp_path: Path, expires: datetime) -> None:
    ca = trustme.CA()
    assert judged(issued(ca, "mx1.lab.test", expires=expires), authorities(tmp_path, ca)).trusted is True


def test_the_anchors_are_those_above_by_which_it_verifies() -> None:
    root, stranger = trustme.CA(), trustme.CA()
    middle = root.create_child_ca()
    leaf, above = issued(middle, "mx1.lab.test")
    [top, strange] = ders(root.cert_pem, stranger.cert_pem)
    assert [anchor.der for anchor in judged([leaf, strange, above, top], None).anchors] == [above, top]
    assert [anchor.der for anchor in judged([leaf, top], None).anchors] == [], "a link is missing"


def certificate(
    subject: str,
    issuer: str,
    *,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    ca: bool = False,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGAN)
        .not_valid_after(ENDS)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("may_issue", [True, False])
def test_a_server_s_certificate_answers_for_no_other(may_issue: bool) -> None:
    one, two = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    above = certificate("one.test", "one.test", key=one, by=one, ca=may_issue)
    leaf = certificate("two.test", "one.test", key=two, by=one)
    assert len(judged([leaf, above], None).anchors) == may_issue


@pytest.mark.parametrize(
    "purpose, fits",
    [
        (ExtendedKeyUsageOID.SERVER_AUTH, True),
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, True),
        (ExtendedKeyUsageOID.EMAIL_PROTECTION, False),
    ],
)
def test_a_certificate_for_something_else_is_none_for_servers(purpose: x509.ObjectIdentifier, fits: bool) -> None:
    one, two = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    above = certificate("one.test", "one.test", key=one, by=one, ca=True)
    leaf = certificate("two.test", "one.test", key=two, by=one, purpose=purpose)
    assert bool(judged([leaf, above], None).anchors) is fits


@pytest.mark.parametrize("octets", [b"", b"\x30", b"certificate", bytes(1000)])
def test_what_is_no_certificate_is_not_judged(octets: bytes) -> None:
    assert read(octets) is None
    assert shown([octets], whole=True, authorities=None, now=NOW) is None
    assert shown([], whole=True, authorities=None, now=NOW) is None


def test_garbage_above_a_certificate_is_passed_over(tmp_path: Path) -> None:
    ca = trustme.CA()
    [leaf] = issued(ca, "mx1.lab.test")
    told = judged([leaf, b"garbage", *ders(ca.cert_pem)], authorities(tmp_path, ca))
    assert (told.trusted, len(told.anchors)) == (True, 1)


def test_only_so_much_of_a_chain_is_looked_at() -> None:
    ca = trustme.CA()
    [leaf] = issued(ca, "mx1.lab.test")
    [top] = ders(ca.cert_pem)
    filler = issued(trustme.CA(), "x.test") * (CHAIN_LIMIT - 1)
    assert judged([leaf, *filler[1:], top], None).anchors
    assert not judged([leaf, *filler, top], None).anchors


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_certificate_that_was_tampered_with_breaks_nothing(cut: int) -> None:
    [der] = issued(trustme.CA(), "mx1.lab.test")
    for octets in (der[:cut], der[:cut] + b"\xff" + der[cut + 1 :], der[:cut] + b"\x00" + der[cut + 1 :]):
        shown([octets, octets], whole=True, authorities=None, now=NOW)
