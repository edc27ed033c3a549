"""What a mail system told of a message by mail: a delivery status notification (RFC 3464), or a bounce in words."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST = 200
"""Characters of each text in a report."""


class Action(StrEnum):
    """What was done with the message (RFC 3464 2.3.3); only the first of them is final."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    """To a mailbox as that server sees it, which proves nothing about ours."""
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says; its texts are escaped and cut, and empty where it does not say."""

    action: Action
    status: str = ""
    """An enhanced status code (RFC 3463). It may be temporary though the message failed: the action decides."""
    reporting_mta: str = ""
    remote_mta: str = ""
    """The server that gave the diagnostic, if it was not the reporting one (RFC 3464 2.3.6)."""
    diagnostic: str = ""

    def __post_init__(self) -> None:
        for text in (self.status, self.reporting_mta, self.remote_mta, self.diagnostic):
            if len(text) > LONGEST or not text.isprintable():
                raise ValueError("the texts of a report are escaped and cut")

    def __str__(self) -> str:
        by = f"{_DONE[self.action]} by {self.reporting_mta or 'a server that does not say its name'}"
        said = [self.status, self._said]
        words = " ".join(word for word in said if word)
        return f"{by}: {words}" if words else by

    @property
    def _said(self) -> str:
        if self.remote_mta:
            return f"(remote {self.remote_mta}: {self.diagnostic or 'no diagnostic'})"
        # A diagnostic mostly begins with the same status.
        return self.diagnostic.removeprefix(self.status).lstrip()


_DONE = {
    Action.FAILED: "bounced",
    Action.DELAYED: "delayed",
    Action.DELIVERED: "reported as delivered",
    Action.RELAYED: "reported as relayed",
    Action.EXPANDED: "reported as expanded",
}
