"""The eyes: until when each mailbox was seen whole, and why one of them sees nothing."""

from dataclasses import dataclass
from datetime import datetime

from probe.model.probe import Probe


@dataclass(frozen=True, slots=True)
class _Sight:
    until: datetime
    since: datetime | None
    """What came before this may still lie among what was not read yet; None: nothing does."""


class Eyes:
    """Remember what was seen of each mailbox."""

    def __init__(self) -> None:
        self._seen: dict[str, _Sight] = {}
        self._blind: dict[str, str] = {}

    def saw(self, mailbox: str, until: datetime, *, since: datetime | None) -> None:
        """Take note that all was read that came to a mailbox between two moments; without the first, all there is."""
        self._seen[mailbox] = _Sight(until, since)
        if since is None:
            self._blind.pop(mailbox, None)
        else:
            self._blind[mailbox] = "older mail, among which it may be, was not read to its end yet"

    def blind(self, mailbox: str, why: str) -> None:
        """Take note that a mailbox cannot be read, and why."""
        self._blind[mailbox] = why

    def forget(self) -> None:
        """Forget until when anything was seen."""
        self._seen.clear()

    def seen_until(self, probe: Probe) -> datetime | None:
        """Return until when a message of this probe would have been seen; None if nobody can tell."""
        sight = self._seen.get(probe.mailbox) if probe.mailbox else None
        if sight is None or (sight.since and probe.started <= sight.since):
            return None
        return sight.until

    def why_blind(self, mailbox: str | None) -> str | None:
        """Say why a mailbox cannot be read, as a clause, if anything is known of it."""
        if mailbox is None:
            return None
        if why := self._blind.get(mailbox):
            return why
        sight = self._seen.get(mailbox)
        # A server that does not answer is given its time; only when that is over it is trouble.
        return f"no reading has come to an end since that of {sight.until:%H:%M:%S} UTC" if sight else None
