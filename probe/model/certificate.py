"""What a server's certificates say, whether or not anybody believes them."""

from dataclasses import dataclass, field
from datetime import datetime

CHAIN_LIMIT = 10
"""Further certificates that a server shows are not looked at."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate (RFC 5280), as far as it is judged."""

    der: bytes = field(repr=False)
    spki: bytes | None = field(repr=False)
    """Its SubjectPublicKeyInfo (DER); None for a key of an unknown kind."""
    names: tuple[str, ...]
    """The DNS names and addresses it is for (subjectAltName), in lower case."""
    begins: datetime
    expires: datetime

    def is_for(self, host: str) -> bool:
        """Tell whether it is for a host (RFC 6125 6.4): a wildcard stands for one whole label, the left-most."""
        host = host.lower().rstrip(".")
        return any(covers(name, host) for name in self.names)


@dataclass(frozen=True, slots=True)
class Shown:
    """The chain that a server showed, verified by ourselves, name and time left out."""

    leaf: Certificate
    trusted: bool | None
    """Somebody on the list of CAs answers for it; None where the list cannot be read."""
    anchors: tuple[Certificate, ...] = ()
    """Those above the leaf by which it verifies."""
    whole: bool = True
    """False where nothing but the leaf is known."""


def covers(pattern: str, host: str) -> bool:
    """Tell whether a name in lower case, perhaps with a left-most wildcard, covers a host."""
    if not pattern.startswith("*."):
        return pattern == host
    label, _, parent = host.partition(".")
    return bool(label) and "." in parent and parent == pattern[2:]
