"""How much is read of a message: its header, and the beginning of its body only where that may hold our tag."""

import re

from probe.model.letter import may_report

HEADER_CAP = 64 * 1024
BODY_CAP = 16 * 1024
REPORT_CAP = 64 * 1024
"""Octets of a bounce, whose tag may stand anywhere in it."""

_TAGGED = re.compile(rb"^mailflow-probe:", re.I | re.M)
_LIKELY_OURS = re.compile(rb"^(?:subject:.{0,200}mail flow test|message-id:\s*<[a-z2-7]{20}@)", re.I | re.M)


def proving_octets(header: bytes, *, size: int) -> int:
    """Return how many octets of the body are read once more before a message may be deleted: those of a report."""
    return min(REPORT_CAP, size) if may_report(header) and not _TAGGED.search(header) else 0


def wanted_octets(header: bytes, *, size: int) -> int:
    """Return how many octets of the body are read of a message with this header and of this size, all in all.

    A message of ours that a gateway took the tag's own field from still has its subject or its Message-ID. A bounce
    has no tag in its own header: it is known by the sender that it does not have, or by its type,
    its author or its subject.
    """
    if _TAGGED.search(header):
        return 0
    if may_report(header):
        return min(REPORT_CAP, size)
    return min(BODY_CAP, size) if _LIKELY_OURS.search(header) else 0
