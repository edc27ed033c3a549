"""Logins that were refused: all are counted, and some of them are logged."""

import logging

from probe.net.seldom import Seldom
from probe.net.text import printable

log = logging.getLogger(__name__)

_LONGEST_NAME = 80


class Refusals:
    """Count logins that are refused, and tell of each name and address once an hour; never the password."""

    def __init__(self) -> None:
        self.count = 0
        self._seldom = Seldom()

    def note(self, user: str, client: str) -> None:
        """Take note that a login was refused; the user is whatever somebody wrote there."""
        self.count += 1
        told = {"user": printable(user, _LONGEST_NAME), "client": client}
        if self._seldom.now(tuple(told.values())):
            log.warning("a login was refused", extra=told)
