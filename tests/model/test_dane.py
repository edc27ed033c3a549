"""Which TLSA records fit which certificates: every selector and matching type, both ways."""

import hashlib
from datetime import UTC, datetime

import pytest

from probe.model.certificate import Certificate, Shown
from probe.model.dane import DaneResult, Tlsa, dane_result

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(name: str) -> Certificate:
    return Certificate(f"DER of {name}".encode(), f"key of {name}".encode(), (name,), WHEN, WHEN)


LEAF, ANCHOR, OTHER = certificate("mx1.lab.test"), certificate("an authority"), certificate("another")
CHAIN = Shown(LEAF, trusted=False, anchors=(ANCHOR,))
ONLY_LEAF = Shown(LEAF, trusted=False, whole=False)
DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}


def naming(named: Certificate, usage: int, selector: int = 1, matching: int = 1) -> Tlsa:
    selected = named.spki if selector else named.der
    assert selected is not None
    return Tlsa(usage, selector, matching, DIGESTS[matching](selected).digest() if matching else selected)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize(
    "usage, named, result",
    [
        (3, LEAF, DaneResult.FITS),
        (3, ANCHOR, DaneResult.FITS_NOT),
        (3, OTHER, DaneResult.FITS_NOT),
        (2, ANCHOR, DaneResult.FITS_BY_ANCHOR),
        (2, LEAF, DaneResult.FITS_NOT),
        (2, OTHER, DaneResult.FITS_NOT),
        (0, ANCHOR, DaneResult.UNUSABLE),
        (1, LEAF, DaneResult.UNUSABLE),
        (4, LEAF, DaneResult.UNUSABLE),
        (255, LEAF, DaneResult.UNUSABLE),
    ],
)
def test_a_record_fits_what_it_names(
    selector: int, matching: int, usage: int, named: Certificate, result: DaneResult
) -> None:
    assert dane_result((naming(named, usage, selector, matching),), CHAIN) is result


@pytest.mark.parametrize(
    "selector, matching, length, usable",
    [
        (1, 1, 32, True),
        (1, 1, 31, False),
        (1, 1, 33, False),
        (1, 1, 0, False),
        (0, 2, 64, True),
        (0, 2, 63, False),
        (0, 2, 65, False),
        (0, 0, 1, True),
        (2, 1, 32, False),
        (1, 3, 32, False),
        (255, 255, 32, False),
    ],
)
def test_a_record_that_no_sender_can_use_is_not_used(selector: int, matching: int, length: int, usable: bool) -> None:
    assert Tlsa(3, selector, matching, bytes(length)).usable is usable


@pytest.mark.parametrize(
    "records, shown, result",
    [
        ([naming(OTHER, 3), naming(LEAF, 3)], CHAIN, DaneResult.FITS),
        ([naming(OTHER, 2), naming(LEAF, 3)], ONLY_LEAF, DaneResult.FITS),
        ([naming(OTHER, 3), naming(ANCHOR, 2)], CHAIN, DaneResult.FITS_BY_ANCHOR),
        ([naming(ANCHOR, 2), naming(LEAF, 3)], CHAIN, DaneResult.FITS),
        ([naming(LEAF, 1), naming(OTHER, 3)], CHAIN, DaneResult.FITS_NOT),
        ([naming(ANCHOR, 2)], ONLY_LEAF, DaneResult.CANNOT_TELL),
        ([naming(OTHER, 3)], ONLY_LEAF, DaneResult.FITS_NOT),
    ],
)
def test_one_record_that_fits_is_enough(records: list[Tlsa], shown: Shown, result: DaneResult) -> None:
    assert dane_result(tuple(records), shown) is result


def test_a_key_of_an_unknown_kind_fits_no_record_of_keys() -> None:
    unknown = Shown(Certificate(LEAF.der, None, (), WHEN, WHEN), trusted=None)
    assert dane_result((naming(LEAF, 3, 1),), unknown) is DaneResult.FITS_NOT
    assert dane_result((naming(LEAF, 3, 0),), unknown) is DaneResult.FITS
