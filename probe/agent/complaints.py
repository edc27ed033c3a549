"""What is wrong with how the agent-check is asked, told without filling the log."""

import logging

from probe.net.seldom import Seldom
from probe.net.text import printable

log = logging.getLogger(__name__)

_LONGEST_NAME = 80


class Complaints:
    """Tell each complaint once an hour."""

    def __init__(self) -> None:
        self._seldom = Seldom()

    def about(self, question: str, reason: str) -> None:
        """Complain about a question."""
        complaint = printable(question, _LONGEST_NAME), reason
        if self._seldom.now(complaint):
            log.warning("agent-check cannot be answered", extra={"question": complaint[0], "reason": reason})
