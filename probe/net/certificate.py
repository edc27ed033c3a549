"""Reads certificates out of their DER form, and verifies chains that no handshake has verified.

The ssl module tells about verified certificates only, and one that fails is the one that matters.
"""

import ssl
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from probe.model.certificate import CHAIN_LIMIT, Certificate, Shown
from probe.net.tls import client_context

_MOST_NAMES = 100
"""Further names of a certificate are not looked at."""
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

Given = TypeVar("Given")
Read = TypeVar("Read")


def expiry(certificate: bytes) -> datetime | None:
    """Return ``notAfter`` (RFC 5280 4.1.2.5), or None for what is no certificate."""
    return _readable(lambda der: _loaded(der).not_valid_after_utc, certificate)


def read(certificate: bytes) -> Certificate | None:
    """Return what a certificate says, or None for what is none."""
    # In one: a year of 0 comes to light only where it is read.
    return _readable(lambda der: _told(_loaded(der)), certificate)


class Authorities:
    """Those who answer for certificates: the ones in a file, or the system's."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """Raise OSError (ssl.SSLError is one) when ``ca_file`` cannot be read or holds no certificate."""
        context = client_context(verify=True, ca_file=ca_file)
        directory = ssl.get_default_verify_paths().capath if ca_file is None else None
        # OpenSSL reads a directory of authorities only while it verifies.
        self._roots = _all_loaded(context.get_ca_certs(binary_form=True) or _of_directory(directory))

    def answer_for(self, chain: Sequence[x509.Certificate], *, at: datetime) -> bool | None:
        """Tell whether the first of a chain verifies up to one of the authorities; None where there is none at all."""
        return _verifies(chain, self._roots, at=at) if self._roots else None


def shown(chain: Sequence[bytes], *, whole: bool, authorities: Authorities | None, now: datetime) -> Shown | None:
    """Return what a chain shows, or None where its first is no certificate."""
    chain = chain[:CHAIN_LIMIT]
    leaf = read(chain[0]) if chain else None
    if leaf is None:
        return None
    # Whether it is out of date is a question of its own.
    at = min(max(now, leaf.begins), leaf.expires)
    loaded = _all_loaded(chain)
    anchors = (_readable(_told, each) for each in loaded[1:] if _verifies(loaded, [each], at=at))
    return Shown(
        leaf,
        trusted=authorities.answer_for(loaded, at=at) if authorities else None,
        anchors=tuple(anchor for anchor in anchors if anchor),
        whole=whole,
    )


def _verifies(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], *, at: datetime) -> bool:
    if not chain or not roots:
        return False
    rules = PolicyBuilder().store(Store(list(roots))).time(at.replace(tzinfo=None))
    verifier = rules.extension_policies(ca_policy=_OF_ISSUERS, ee_policy=_OF_SERVERS).build_client_verifier()
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except (VerificationError, *_UNREADABLE):
        return False
    return True


def _may_issue(policy: Policy, certificate: x509.Certificate, extension: x509.BasicConstraints) -> None:
    if not extension.ca:
        raise ValueError("no authority")


def _may_serve(policy: Policy, certificate: x509.Certificate, extension: x509.ExtendedKeyUsage | None) -> None:
    if extension and not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extension):
        raise ValueError("not for servers")


# What senders' OpenSSL asks for. The library's own rules are those of browsers, which hardly any private CA keeps; its
# verifier for clients is the one that leaves the name to us.
_OF_ISSUERS = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _may_issue)
_OF_SERVERS = ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_serve)


def _told(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        certificate.public_bytes(Encoding.DER),
        _readable(_spki, certificate),
        tuple(_readable(_names, certificate) or ())[:_MOST_NAMES],
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    return hosts + [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def _all_loaded(certificates: Iterable[bytes]) -> list[x509.Certificate]:
    """Return those that can be read."""
    loaded = (_readable(_loaded, each) for each in certificates)
    return [certificate for certificate in loaded if certificate]


def _loaded(certificate: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        # Of what is odd about a certificate; some of the system's roots have a serial number that is not positive.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(certificate)


def _readable(reading: Callable[[Given], Read], given: Given) -> Read | None:
    try:
        return reading(given)
    except _UNREADABLE:
        return None


def _of_directory(directory: str | None) -> Iterator[bytes]:
    for file in sorted(Path(directory).glob("*.[0-9]")) if directory else ():
        try:
            yield ssl.PEM_cert_to_DER_cert(file.read_text().strip())
        except (OSError, ValueError):
            continue
