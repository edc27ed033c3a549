"""What an SMTP dialogue saw of a server's TLS, as it came by: nothing is asked for its sake."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TlsSeen:
    """What one dialogue saw."""

    offered: bool | None = None
    """STARTTLS was on the list of EHLO; None where the dialogue did not come so far, or spoke TLS from the start."""
    version: str | None = None
    """"TLSv1.3", for example; None where TLS was not agreed."""
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """The certificates that the server showed (DER), its own first."""
    whole: bool = False
    """``chain`` is all that the server showed; else it ends with the server's own."""
    trouble: str | None = None
    """Why TLS was offered and came to nothing, in one sentence; a certificate that did not pass is no such reason."""
    injected: bool = False
    """Plain text came in front of the handshake (RFC 3207 4.2)."""

    @property
    def tells(self) -> bool:
        """Tell whether it came far enough to be judged."""
        return self.offered is not None or bool(self.chain) or self.trouble is not None


UNSEEN = TlsSeen()
