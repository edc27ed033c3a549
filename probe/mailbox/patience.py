"""How long a mailbox server may take."""

from dataclasses import dataclass

from probe.model.trouble import SLOW_AFTER


@dataclass(frozen=True, slots=True)
class Patience:
    """The deadlines of a session; each is absolute, however many replies it takes."""

    connect_seconds: float = 10.0
    operation_seconds: float = 30.0
    """Logging in, or any one thing that is asked of a session."""
    slow_seconds: float = SLOW_AFTER.total_seconds()
    """A reading that takes longer is told as trouble, though it comes to an end."""
    push_seconds: float = 5.0
    """An IDLE that told nothing for so long has told all that came but in its last moment."""
    goodbye_seconds: float = 0.4
    grace_seconds: float = 5.0
    """On top, for what no socket can bound, such as the system's resolver."""

    @property
    def login_seconds(self) -> float:
        """Return how long it may take until a session is logged in."""
        return self.connect_seconds + self.operation_seconds + self.grace_seconds

    @property
    def longest_seconds(self) -> float:
        """Return how long an operation may take in all."""
        return self.operation_seconds + self.grace_seconds
