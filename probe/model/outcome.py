"""The closed sets of words: how far a probe came, how it ended, what a load balancer hears."""

from enum import StrEnum


class Stage(StrEnum):
    """A step of the SMTP dialogue, in the order in which it happens."""

    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    QUIT = "quit"


class Outcome(StrEnum):
    """How a probe ended; every probe gets exactly one."""

    DELIVERED = "delivered"
    JUNKED = "junked"
    ALTERED = "altered"
    MISROUTED = "misrouted"
    BOUNCED = "bounced"
    MISSING = "missing"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    """It would take the mail: only where it was asked, and nothing was sent."""


class State(StrEnum):
    """What a load balancer is told about a member."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


OF_SENDING = tuple(outcome for outcome in Outcome if outcome is not Outcome.ACCEPTED)
"""How a probe can end for which a message is sent."""
OF_ASKING = (Outcome.REJECTED, Outcome.DEFERRED, Outcome.UNREACHABLE, Outcome.UNKNOWN, Outcome.ACCEPTED)
"""How a probe can end that only asks whether mail would be taken."""

EXPECTABLE = frozenset(
    {
        Outcome.DELIVERED,
        Outcome.REJECTED,
        Outcome.DEFERRED,
        Outcome.JUNKED,
        Outcome.BOUNCED,
        Outcome.MISSING,
        Outcome.ACCEPTED,
    }
)
"""What a route may expect."""
