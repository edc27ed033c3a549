"""Reads when a certificate expires out of its DER form, whether anybody trusts it or not.

The ssl module tells it for verified certificates only, and a certificate that fails is the one whose expiry matters.
"""

from datetime import UTC, datetime

_CONTEXT_0 = 0xA0
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18


def expiry(certificate: bytes) -> datetime | None:
    """Return ``notAfter`` (RFC 5280 4.1.2.5), or None for what is no certificate."""
    try:
        return _not_after(certificate)
    except (IndexError, ValueError):
        return None


def _not_after(certificate: bytes) -> datetime:
    _, outer, _ = _element(certificate)
    _, fields, _ = _element(outer)
    tag, _, rest = _element(fields)
    if tag == _CONTEXT_0:  # the version, which only version 1 leaves out
        _, _, rest = _element(rest)
    for _ in ("signature", "issuer"):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)
    tag, written, _ = _element(rest)
    return _moment(tag, written.decode("ascii"))


def _moment(tag: int, written: str) -> datetime:
    if tag == _UTC_TIME:  # RFC 5280 4.1.2.5.1: two digits of a year, from 1950 to 2049
        written = ("19" if int(written[:2]) >= 50 else "20") + written
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(octets: bytes) -> tuple[int, bytes, bytes]:
    """Split the first element off: its tag, its content, and what follows it."""
    length, start = octets[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(octets[2:start], "big")
    if start + length > len(octets):
        raise ValueError("cut off")
    return octets[0], octets[start : start + length], octets[start + length :]
