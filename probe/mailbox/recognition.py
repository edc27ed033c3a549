"""How much is read of a message: its header, and of its body only where that may hold our tag."""

import re
from collections.abc import Mapping

from probe.model.letter import may_report

HEADER_CAP = 64 * 1024
BEGINNING = 16 * 1024
"""Octets of a body in which a tag is looked for, where there is no room for all of it."""
BATCH_CAP = 16 * 1024 * 1024
"""Octets of all bodies that are read together."""
REPORT_CAP = 64 * 1024
"""Octets of a bounce, whose tag may stand anywhere in it."""

_TAGGED = re.compile(rb"^mailflow-probe:", re.I | re.M)
_LIKELY_OURS = re.compile(rb"^(?:subject:.{0,200}mail flow test|message-id:\s*<[a-z2-7]{20}@)", re.I | re.M)


def proving_octets(header: bytes, *, size: int) -> int:
    """Return how many octets of the body are read once more before a message may be deleted: those of a report."""
    return min(REPORT_CAP, size) if may_report(header) and not _TAGGED.search(header) else 0


def wanted_octets(header: bytes, *, size: int, ours: int) -> int:
    """Return how many octets of the body are read of a message with this header and of this size, all in all.

    A message of ours is read as far as ``ours``: its body is compared with what was sent. One that a gateway took
    the tag's own field from still has its subject or its Message-ID. A bounce
    has no tag in its own header: it is known by the sender that it does not have, or by its type,
    its author or its subject.
    """
    if _TAGGED.search(header):
        return min(ours, size)
    if may_report(header):
        return min(REPORT_CAP, size)
    return min(ours, size) if _LIKELY_OURS.search(header) else 0


def affordable(wanted: Mapping[int, int]) -> dict[int, int]:
    """Return how many octets are read of each of many bodies: the shortest as far as wanted, while there is room.

    Ours are short: a burst of long look-alikes takes no room from them.
    """
    room, granted = BATCH_CAP, {}
    for key, octets in sorted(wanted.items(), key=lambda item: item[1]):
        granted[key] = octets if octets <= room else min(octets, BEGINNING)
        room -= granted[key]
    return granted
