"""A connection that outlives a transaction: what was agreed on it, and how it is left."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import timedelta

from probe.model.settings import Member, SmtpSettings
from probe.smtp.connection import Connection
from probe.smtp.deadlines import FAREWELL
from probe.smtp.extensions import Extensions
from probe.smtp.failures import Lost
from probe.smtp.replies import Violation

OLDEST = timedelta(minutes=5)
"""So long one connection is used: whether a member takes new ones, and its new certificate, must be seen, too."""


@dataclass(slots=True, eq=False)
class Kept:
    """A connection to a member, opened as these settings say."""

    member: Member
    settings: SmtpSettings
    connection: Connection
    offers: Extensions = field(default_factory=dict)
    """What the server offers on it, once that is known."""
    transactions: int = 0
    """How many have come to their end over it."""
    spoilt: bool = False
    """Somebody gave up who had spoken already: the next reply would be taken for another's."""
    opened: float = field(default_factory=time.monotonic)

    def serves(self, member: Member, settings: SmtpSettings) -> bool:
        """Tell whether it is in good order, and leads where it is wanted, as it is wanted."""
        as_wanted = (self.member, self.settings) == (member, settings) and not self._is_old
        return as_wanted and self.connection.quiet and not self.spoilt

    @property
    def _is_old(self) -> bool:
        return time.monotonic() - self.opened > OLDEST.total_seconds()

    async def leave(self) -> None:
        """Say QUIT and close; at once where the server is gone, and soon in any case."""
        try:
            with contextlib.suppress(TimeoutError, Lost, Violation):
                async with asyncio.timeout(FAREWELL.total_seconds()):
                    if self.connection.quiet and not self.spoilt and await self.connection.send(b"QUIT\r\n"):
                        await self.connection.reply()
                        await self.connection.close()
        finally:
            self.connection.abort()
