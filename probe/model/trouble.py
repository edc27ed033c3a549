"""What may be wrong with a mailbox, told apart: that it cannot be read at all, or that it can, but not as it should."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class TroubleKind(StrEnum):
    """The kinds of trouble that an operator does different things about."""

    UNREACHABLE = "unreachable"
    """There is no connection to its server, or it broke."""
    LOGIN_REFUSED = "login_refused"
    FOLDER_GONE = "folder_gone"
    OVER_QUOTA = "over_quota"
    """It can be read, but no message fits into it any more."""
    IDLE_SILENT = "idle_silent"
    """It can be read, but its server keeps IDLE open and pushes nothing."""
    SLOW = "slow"
    """Its server answers late, or not in time."""
    LOCKED = "locked"
    """Somebody else holds it."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a mailbox, in one sentence."""

    kind: TroubleKind
    text: str


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of what a mailbox may hold is used; of several limits, the tightest."""

    resource: str
    """STORAGE in units of 1024 octets, or MESSAGE (RFC 9208 5)."""
    used: int
    limit: int

    @property
    def ratio(self) -> float:
        """Return the used share: 1 when nothing is left, more when the limit was lowered."""
        return self.used / self.limit if self.limit else 1.0

    @property
    def is_full(self) -> bool:
        """Tell whether one more message of ours might not fit."""
        room = {"STORAGE": _ROOM_KIB, "MESSAGE": 1}.get(self.resource, 0)
        return self.limit - self.used < room

    def __str__(self) -> str:
        unit = {"STORAGE": "KiB", "MESSAGE": "messages"}.get(self.resource, self.resource)
        return f"{self.used} of {self.limit} {unit}"


_ROOM_KIB = 64
"""What a message of ours and the headers of a long way may take."""

SLOW_AFTER = timedelta(seconds=5)
"""A server that takes longer to say what is new is slow."""
