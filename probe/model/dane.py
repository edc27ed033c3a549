"""DANE for SMTP (RFC 7672): which TLSA records fit the certificates that a server showed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probe.model.certificate import Certificate, Shown

_TRUST_ANCHOR = 2
_END_ENTITY = 3
_FULL, _SPKI = 0, 1
_DIGESTS: Mapping[int, Callable[[bytes], bytes]] = {
    1: lambda octets: hashlib.sha256(octets).digest(),
    2: lambda octets: hashlib.sha512(octets).digest(),
}
_LENGTHS = {1: 32, 2: 64}


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record (RFC 6698 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes = field(repr=False)

    @property
    def usable(self) -> bool:
        """Tell whether SMTP senders can use it: usages 0 and 1 are undefined for them (RFC 7672 3.1.3)."""
        known = self.usage in (_TRUST_ANCHOR, _END_ENTITY) and self.selector in (_FULL, _SPKI)
        return known and (self.matching == 0 or len(self.data) == _LENGTHS.get(self.matching))

    @property
    def of_anchor(self) -> bool:
        """Tell whether it names an authority, not the server's own certificate."""
        return self.usage == _TRUST_ANCHOR

    def fits(self, certificate: Certificate) -> bool:
        """Tell whether it names this certificate, or its key."""
        selected = certificate.der if self.selector == _FULL else certificate.spki
        if selected is None:
            return False
        return self.data == (_DIGESTS[self.matching](selected) if self.matching else selected)


class DaneResult(StrEnum):
    """What a set of records comes to for a server."""

    FITS = "fits"
    """By the certificate itself: RFC 7672 3.1.1, neither names nor dates of it count."""
    FITS_BY_ANCHOR = "fits_by_anchor"
    """By an authority above it: names and dates count (RFC 7672 3.1.2)."""
    FITS_NOT = "fits_not"
    UNUSABLE = "unusable"
    """No record is one that senders can use."""
    CANNOT_TELL = "cannot_tell"
    """It depends on certificates that were not seen."""


def dane_result(records: tuple[Tlsa, ...], shown: Shown) -> DaneResult:
    """Say whether any record fits."""
    usable = [record for record in records if record.usable]
    of_anchors = [record for record in usable if record.of_anchor]
    if not usable:
        return DaneResult.UNUSABLE
    if any(record.fits(shown.leaf) for record in usable if not record.of_anchor):
        return DaneResult.FITS
    if any(record.fits(anchor) for record in of_anchors for anchor in shown.anchors):
        return DaneResult.FITS_BY_ANCHOR
    return DaneResult.FITS_NOT if shown.whole or not of_anchors else DaneResult.CANNOT_TELL
