"""What an SMTP server says, and what one whole transaction with it came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from probe.model.outcome import Stage
from probe.model.tls_seen import UNSEEN, TlsSeen


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply (RFC 5321 4.2): code, enhanced code (RFC 3463) where there is one, text of every line.

    The text is as the server sent it, undecodable bytes escaped, the code and enhanced code removed.
    """

    code: int
    lines: tuple[str, ...] = ("",)
    enhanced_code: str | None = None

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"{self.code} is not an SMTP reply code")

    @property
    def positive(self) -> bool:
        """Tell whether the server agreed (2yz) or waits for more (3yz)."""
        return self.code < 400

    @property
    def transient(self) -> bool:
        """Tell whether the server refuses for now (4yz)."""
        return 400 <= self.code < 500

    @property
    def text(self) -> str:
        """Return all lines as one."""
        return " ".join(line for line in self.lines if line)

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced_code, self.text) if part)


class Ending(StrEnum):
    """The ways in which a transaction ends."""

    ACCEPTED = "accepted"
    """2yz after the final dot: the server owns the message. Of an enquiry, 2yz to RCPT: it would take one."""
    REFUSED = "refused"
    """5yz at some stage."""
    REFUSED_FOR_NOW = "refused_for_now"
    """4yz at some stage."""
    UNREACHABLE = "unreachable"
    """Connection, TLS, protocol or time-out failure before the final dot."""
    IN_DOUBT = "in_doubt"
    """The reply to the final dot was never seen: the server may own the message (RFC 5321 4.5.3.2.6)."""
    NOT_TRIED = "not_tried"
    """Nothing could be proved about the server: the probe itself failed, or others answered in its place."""
    NAMELESS = "nameless"
    """Every dial of a VIP failed before anybody gave a name: nobody in particular is to blame."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command with its reply as they crossed the wire, secrets struck out."""

    stage: Stage
    sent: str
    """What was sent, without its line end; empty where the server speaks first."""
    reply: Reply | None
    """None when no reply came."""
    at: timedelta
    """When it was sent, from the start of the attempt."""
    took: timedelta
    """From sending to the reply, or to the failure."""
    pipelined: bool = False
    """Sent in one group with others (RFC 2920): what the server did for those before it is in ``took`` too."""
    reused: bool = False
    """Sent over a connection that an earlier transaction had left open."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one SMTP transaction came to."""

    ending: Ending
    stage: Stage
    """The stage that decided the ending; quit never does."""
    reason: str
    """Why, in one sentence for a person."""
    began: datetime
    first_byte: datetime | None = None
    """When the first byte was sent, if it was."""
    accepted: datetime | None = None
    """When the positive reply after the final dot was received."""
    smtp_time: timedelta | None = None
    """From connect, or from the first command over a kept connection, to the reply after the final dot."""
    reply: Reply | None = None
    """The reply that decided the ending."""
    stages: Mapping[Stage, timedelta] = field(default_factory=dict)
    transcript: tuple[Exchange, ...] = ()
    certificate_expiry: datetime | None = None
    tls: TlsSeen = UNSEEN
    note: str | None = None
    """What an operator should know of the pool, in one sentence; that a stranger answers, for example."""

    @property
    def code(self) -> int | None:
        """Return that of the reply that decided the ending."""
        return self.reply.code if self.reply else None

    @property
    def enhanced_code(self) -> str | None:
        """Return that of the reply that decided the ending."""
        return self.reply.enhanced_code if self.reply else None
