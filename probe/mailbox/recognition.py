"""How much is read of a message: its header, and the beginning of its body only where that may hold our tag."""

import re

HEADER_CAP = 64 * 1024
BODY_CAP = 16 * 1024

_TAGGED = re.compile(rb"^mailflow-probe:", re.I | re.M)
_LIKELY_OURS = re.compile(rb"^(?:subject:.{0,200}mail flow test|message-id:\s*<[a-z2-7]{20}@)", re.I | re.M)


def wants_body(header: bytes) -> bool:
    """Tell whether the tag may be in the body only.

    A message of ours that a gateway took the tag's own field from still has its subject or its Message-ID.
    """
    return bool(_LIKELY_OURS.search(header)) and not _TAGGED.search(header)
