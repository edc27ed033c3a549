"""What is wrong with how the agent-check is asked, told without filling the log."""

import logging
import time
from collections.abc import Callable

from probe.net.text import printable

log = logging.getLogger(__name__)

AGAIN_AFTER_SECONDS = 3600.0
MOST = 50
"""So many different ones are told in that time, at most: anybody who reaches the port can make up names."""
_LONGEST_NAME = 80


class Complaints:
    """Tell each complaint once an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}

    def about(self, question: str, reason: str) -> None:
        """Complain about a question."""
        now = self._clock()
        complaint = printable(question, _LONGEST_NAME), reason
        self._told = {told: at for told, at in self._told.items() if now - at < AGAIN_AFTER_SECONDS}
        if complaint not in self._told and len(self._told) < MOST:
            self._told[complaint] = now
            log.warning("agent-check cannot be answered", extra={"question": complaint[0], "reason": reason})
