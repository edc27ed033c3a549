"""The signed token inside a message by which it is known again.

Forty bytes, written as 64 letters of base32 (RFC 4648 6), which survive folding, quoting, a change of case::

    version 1 | key 1 | instance 3 | scope 3 | id 12 | time 4 | HMAC-SHA256 of all before it, cut to 16

``key``, ``instance`` and ``scope`` (pool, route and member) are digests: the names themselves stay in the
ledger, where the id finds them, so that nothing read from a mail ever becomes a label.
"""

import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from probe.model.settings import TagKey

VERSION = 0x61
ID_BYTES = 12
LENGTH = 64
"""Letters in a tag."""

_MAC_BYTES = 16
_WRITTEN = re.compile(rf"[A-Z2-7]{{{LENGTH}}}")
_IN_HEADER = re.compile(rf"^mailflow-probe:\s{{0,4}}([a-z2-7]{{{LENGTH}}})\s*$", re.I | re.M)
_IN_REPORT = re.compile(rf"\b(?:original-envelope-id|mailflow-probe|mailflow):\s{{0,4}}([a-z2-7]{{{LENGTH}}})\b", re.I)
_ANYWHERE = re.compile(rf"\b([A-Z2-7]{{{LENGTH}}})\b")
_IN_BODY = re.compile(rf"\bmailflow:\s{{0,4}}([a-z2-7]{{{LENGTH}}})\b", re.I)


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag says, before or after its signature has been checked."""

    key: bytes
    instance: bytes
    scope: bytes
    id: bytes
    time: datetime
    """Whole seconds."""

    @property
    def probe_id(self) -> str:
        """Return the id of its probe as people and the ledger write it."""
        return probe_id(self.id)

    def is_of(self, instance: str) -> bool:
        """Tell whether it names this instance."""
        return self.instance == _digest(instance, 3)

    def packed(self) -> bytes:
        """Return the bytes that are signed."""
        seconds = int(self.time.timestamp())
        head = bytes([VERSION]) + self.key + self.instance + self.scope + self.id
        return head + seconds.to_bytes(4, "big")


class Trust(StrEnum):
    """What became of the check of a tag."""

    GENUINE = "genuine"
    """Signed by one of our keys, for this instance."""
    OTHER_INSTANCE = "other_instance"
    """Signed by one of our keys, for another probe that shares them."""
    FORGED = "forged"
    """Signed by none of our keys."""


def probe_id(raw: bytes) -> str:
    """Write the twelve random bytes of an id as 20 lower-case letters and digits."""
    return b32encode(raw).decode().rstrip("=").lower()


def raw_id(probe_id: str) -> bytes:
    """Return the twelve bytes of an id; raises ValueError when it is none."""
    raw = b32decode(probe_id.upper() + "=" * (-len(probe_id) % 8))
    if len(raw) != ID_BYTES:
        raise ValueError(f"an id has {ID_BYTES} bytes")
    return raw


def scope(pool: str, route: str, member: str) -> bytes:
    """Return the digest that binds a tag to its pool, route and member."""
    return _digest(f"{pool}\0{route}\0{member}", 3)


def compose(key: TagKey, *, instance: str, scope: bytes, id: bytes, time: datetime) -> str:
    """Sign a tag and write it down."""
    tag = Tag(_digest(key.id, 1), _digest(instance, 3), scope, id, time)
    packed = tag.packed()
    return b32encode(packed + _mac(key, packed)).decode()


def verify(text: str, keys: Iterable[TagKey], *, instance: str) -> tuple[Trust, Tag]:
    """Read a tag, and say whether it is signed by one of our keys, and for whom.

    Raises ValueError when the text has not the form of a tag.
    """
    signed, tag = check(text, keys)
    if not signed:
        return Trust.FORGED, tag
    return (Trust.GENUINE if tag.is_of(instance) else Trust.OTHER_INSTANCE), tag


def check(text: str, keys: Iterable[TagKey]) -> tuple[bool, Tag]:
    """Read a tag and check its signature, in constant time, with every key of its id.

    Raises ValueError when the text has not the form of a tag.
    """
    tag, packed, mac = _unpack(text)
    fitting = [key for key in keys if _digest(key.id, 1) == tag.key]
    signed = [hmac.compare_digest(_mac(key, packed), mac) for key in fitting]
    return any(signed), tag


def written_in_header(header: bytes) -> set[str]:
    """Find what has the form of a tag in a ``Mailflow-Probe`` field of the message's own header."""
    return _all(_IN_HEADER, header)


def written_in_body(body: bytes) -> set[str]:
    """Find what has the form of a tag behind the word ``Mailflow:``."""
    return _all(_IN_BODY, body)


def written_in_report(body: bytes) -> set[str]:
    """Find what has the form of a tag in a bounce: as ENVID, as what it returns of the message, or else anywhere."""
    # The returned header may be written as quoted-printable, in lines of 76 characters (RFC 2045 6.7).
    whole = body.replace(b"=\r\n", b"").replace(b"=\n", b"")
    return _all(_IN_REPORT, body) | _all(_IN_REPORT, whole) or _all(_ANYWHERE, body)


def _all(pattern: re.Pattern[str], raw: bytes) -> set[str]:
    return {found.upper() for found in pattern.findall(raw.decode("ascii", "replace").replace("\r\n", "\n"))}


def _unpack(text: str) -> tuple[Tag, bytes, bytes]:
    written = text.upper()
    if not _WRITTEN.fullmatch(written):
        raise ValueError(f"a tag is {LENGTH} letters of base32")
    raw = b32decode(written)
    packed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if packed[0] != VERSION:
        raise ValueError(f"version {packed[0]} of the tag is not known")
    time = datetime.fromtimestamp(int.from_bytes(packed[20:24], "big"), UTC)
    return Tag(packed[1:2], packed[2:5], packed[5:8], packed[8:20], time), packed, mac


def _mac(key: TagKey, packed: bytes) -> bytes:
    return hmac.digest(key.secret, packed, "sha256")[:_MAC_BYTES]


def _digest(text: str, length: int) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:length]
