"""What a certificate says, read from its DER form; most of all when it expires."""

import ssl
from datetime import UTC, datetime

import pytest
import trustme

from probe.net.certificate import expiry, read, shown


def der(expires: datetime) -> bytes:
    issued = trustme.CA().issue_cert("mx.test", not_before=datetime(1990, 1, 1, tzinfo=UTC), not_after=expires)
    return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


@pytest.mark.parametrize(
    "expires",
    [
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2027, 2, 28, 12, 30, 1, tzinfo=UTC),
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),  # the last UTCTime
        datetime(2050, 1, 1, tzinfo=UTC),  # the first GeneralizedTime
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),  # RFC 5280 4.1.2.5: never
    ],
)
def test_the_expiry_is_read(expires: datetime) -> None:
    assert expiry(der(expires)) == expires


def test_what_is_no_certificate_has_no_expiry() -> None:
    whole = der(datetime(2027, 1, 1, tzinfo=UTC))
    for octets in (b"", b"\x30", b"\x30\x80", b"certificate", whole[:40], bytes(len(whole))):
        assert expiry(octets) is None


@pytest.mark.parametrize(
    "right, wrong",
    [(b"20500101000000Z", b"00000101000000Z"), (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x04")],
    ids=["it expires in the year 0", "of a version that there is not"],
)
def test_a_certificate_that_cannot_be_is_none(right: bytes, wrong: bytes) -> None:
    expires = datetime(2050, 1, 1, tzinfo=UTC)
    octets = der(expires).replace(right, wrong)
    assert wrong in octets
    assert expiry(octets) is None
    assert read(octets) is None
    assert shown([octets], whole=True, authorities=None, now=expires) is None
