"""The lines to the members whose connections are kept: one transaction at a time on each, and who waits for his."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from probe.model.settings import Member, SmtpSettings
from probe.smtp.kept import Kept

log = logging.getLogger(__name__)

MOST_LINES = 10_000
"""Members of whom something is remembered; beyond that, what is learned of those at rest is forgotten."""
MOST_KEPT = 1000
"""Connections that are open without use at the same time."""
_AT_ONCE = timedelta(seconds=1)
"""A connection that the server closes within so long after its first transaction was meant for one only."""


class NoTurn(Exception):
    """The turn did not come in time."""


class Follower(Protocol):
    """Waits for its turn on a line."""

    def follow(self, kept: Kept) -> bool:
        """Say its commands now, behind a text that has just gone out over this connection; False if it cannot."""

    def give_up(self) -> None:
        """Never have a turn."""


class Line:
    """The line to one member; at most one connection stands on it at any time."""

    def __init__(self, resting: set["Line"]) -> None:
        self._resting = resting
        self._busy = asyncio.Lock()
        self._waiting: deque[Follower] = deque()
        self._kept: Kept | None = None
        self._rest: asyncio.Task[None] | None = None
        self.one_each = False
        """It was learned that the member takes one transaction per connection."""

    @property
    def blank(self) -> bool:
        """Tell whether nothing goes on here."""
        return not (self._busy.locked() or self._waiting or self._kept)

    @asynccontextmanager
    async def turn(self, follower: Follower, *, within: timedelta) -> AsyncIterator[None]:
        """Wait until all who came before have ended, and keep the others out. Raises NoTurn."""
        try:
            await self._reach(follower, within)
            try:
                yield
            finally:
                self._busy.release()
        finally:
            self._let_rest()

    def let_follow(self, kept: Kept) -> bool:
        """Let the next who waits speak at once, where the server takes commands in groups (RFC 2920)."""
        may_follow = kept.settings.pipelining and "PIPELINING" in kept.offers and kept.connection.quiet
        return may_follow and bool(self._waiting) and self._waiting[0].follow(kept)

    def keep(self, kept: Kept) -> None:
        """Leave a connection in good order to the next."""
        kept.transactions += 1
        self._kept = kept

    async def take(self, member: Member, settings: SmtpSettings) -> Kept | None:
        """Return the connection that was kept, if it still serves; one that does not is closed."""
        kept, self._kept = self._kept, None
        if self._rest:
            self._rest.cancel()
        if kept is None or kept.serves(member, settings):
            return kept
        await kept.leave()
        return None

    def pass_on(self, kept: Kept) -> bool:
        """Let the next have the connection over which it has spoken already; False where it was not left for it."""
        left, self._kept = self._kept is kept, None
        return left

    def learn(self, member: Member) -> None:
        """Remember that the member takes one transaction per connection."""
        if not self.one_each:
            log.info("takes one message per connection: none is kept any more", extra={"member": str(member)})
        self.one_each = True

    async def close(self) -> None:
        """Take leave of the member, if a connection is kept."""
        async with self._busy:
            if self._rest:
                self._rest.cancel()
            kept, self._kept = self._kept, None
            if kept:
                await kept.leave()

    async def _reach(self, follower: Follower, within: timedelta) -> None:
        self._waiting.append(follower)
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._busy.acquire()
        except asyncio.CancelledError:
            follower.give_up()
            raise
        except TimeoutError as error:
            follower.give_up()
            raise NoTurn from error
        finally:
            self._waiting.remove(follower)

    def _let_rest(self) -> None:
        if self._kept and not self._busy.locked() and not self._waiting:
            self._rest = asyncio.create_task(self._rested(self._kept))
            self._resting.add(self)
            self._rest.add_done_callback(lambda _: self._resting.discard(self))

    async def _rested(self, kept: Kept) -> None:
        """Wait for as long as the connection may go unused; close it then, or when the server does."""
        if not (self.one_each or kept.spoilt or len(self._resting) > MOST_KEPT):
            await self._wait(kept)
        if self._kept is kept:
            self._kept = None
            async with self._busy:  # whoever comes now waits: never are there two connections
                await kept.leave()

    async def _wait(self, kept: Kept) -> None:
        loop, longest = asyncio.get_running_loop(), kept.settings.reuse or timedelta()
        since = loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest.total_seconds()):
                await kept.connection.disturbed()
            if kept.transactions == 1 and loop.time() - since < _AT_ONCE.total_seconds():
                self.learn(kept.member)


class Lines:
    """All lines, by pool and member."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Line] = {}
        self._resting: set[Line] = set()

    def to(self, member: Member) -> Line:
        """Return the line to a member."""
        key = member.pool, member.name
        if key not in self._lines:
            self._forget_one()
            self._lines[key] = Line(self._resting)
        return self._lines[key]

    async def close(self) -> None:
        """Take leave of all members whose connection is kept, at the same time."""
        await asyncio.gather(*(line.close() for line in self._lines.values() if not line.blank))

    def _forget_one(self) -> None:
        if len(self._lines) < MOST_LINES:
            return
        if oldest := next((key for key, line in self._lines.items() if line.blank), None):
            del self._lines[oldest]
