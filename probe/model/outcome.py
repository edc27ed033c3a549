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


class State(StrEnum):
    """What a load balancer is told about a member."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


EXPECTABLE = frozenset(
    {
        Outcome.DELIVERED,
        Outcome.REJECTED,
        Outcome.DEFERRED,
        Outcome.JUNKED,
        Outcome.BOUNCED,
        Outcome.MISSING,
    }
)
"""What a route may expect."""
