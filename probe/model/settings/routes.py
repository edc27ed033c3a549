"""What is sent where, how often, and what is expected of it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from probe.model.outcome import Outcome
from probe.model.rules import NO_RULES, PathRules


class ContentKind(StrEnum):
    """What a probe message carries."""

    PLAIN = "plain"
    GTUBE = "gtube"
    EICAR = "eicar"


@dataclass(frozen=True, slots=True)
class Content:
    """What a probe message carries, and at least how many octets of it."""

    kind: ContentKind = ContentKind.PLAIN
    size: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a probe is tried again after a 4yz reply or a failed connection."""

    attempts: int = 1
    """All of them, the first included: 1 means no retry."""
    first: timedelta = timedelta(seconds=60)
    longest: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Route:
    """One thing watched all the time: pool x mailbox x how often x what is expected."""

    name: str
    pool: str
    mailbox: str | None
    """None where members are only asked whether they would take the mail: nothing is sent."""
    sender: str
    recipient: str
    bounces: str | None
    """The mailbox that receives mail to the sender."""
    interval: timedelta
    deadline: timedelta
    late_until: timedelta = timedelta(days=5)
    expect: Outcome = Outcome.DELIVERED
    retry: Retry = Retry()
    content: Content = Content()
    footer: bool = False
    """Whether text may be added above or below that of its messages, as gateways and mailing lists do."""
    path: PathRules = NO_RULES
    authserv_id: str | None = None
    """The name of the one server whose Authentication-Results are believed (RFC 8601 2.5)."""
    objective: float = 0.995
    """The share of probes that shall succeed, 0 to 1."""

    @property
    def only_asks(self) -> bool:
        """Tell whether its probes only ask by MAIL and RCPT."""
        return self.mailbox is None
