"""Carries a dialogue over a connection, under its deadlines, and takes its times."""

import asyncio
import ssl
from datetime import timedelta

from probe.model.outcome import Stage
from probe.model.settings import Timeouts
from probe.smtp.commands import Say, Secure, Step
from probe.smtp.connection import BLOCK, Connection
from probe.smtp.dialogue import Dialogue
from probe.smtp.failures import Insecure, Lost, OwnFailure
from probe.smtp.log import Log
from probe.smtp.replies import Violation

FAREWELL = timedelta(seconds=1)
"""What QUIT and closing may take together: it delays the news of a message that is on its way."""


class Deadlines:
    """How long each wait of an attempt may last, and in words why not longer."""

    def __init__(self, timeouts: Timeouts, log: Log, *, end: timedelta) -> None:
        self._timeouts = timeouts
        self._log = log
        self._end = end

    def at(self, stage: Stage) -> tuple[timedelta, str]:
        """Return how long the next wait may last, and how to say so."""
        left = self._end - self._log.elapsed()
        longest = self._timeouts.connect if stage is Stage.CONNECT else self._timeouts.reply
        if stage is Stage.QUIT:
            longest = FAREWELL
        if longest <= left:
            return longest, f"within {_seconds(longest)}"
        return max(left, timedelta()), f"before the {_seconds(self._end)} for all of it were over"


class Carrier:
    """Does what the dialogue says, step by step, and tells it what came of it."""

    def __init__(
        self,
        connection: Connection,
        dialogue: Dialogue,
        *,
        tls: tuple[ssl.SSLContext, str] | None,
        log: Log,
        deadlines: Deadlines,
    ) -> None:
        self._connection = connection
        self._dialogue = dialogue
        self._tls = tls
        self._log = log
        self._deadlines = deadlines
        self.distrusted = False
        """The server's certificate did not pass."""

    async def run(self, *, only_secure: bool = False) -> None:
        """Carry the dialogue to its end, or only until TLS stands; the connection stays open."""
        while step := self._dialogue.step:
            await self._take(step)
            if only_secure and isinstance(step, Secure):
                return

    async def _take(self, step: Step) -> None:
        limit = self._deadlines.at(step.stage)[1]
        try:
            if isinstance(step, Secure):
                await self._secure(step)
            else:
                await self._say(step)
        except TimeoutError:
            self._dialogue.timed_out(limit)
        except Lost as lost:
            self._dialogue.lost(str(lost))
        except Violation as violation:
            self._dialogue.violated(str(violation))
        except Insecure as insecure:
            self.distrusted = insecure.distrusted
            self._dialogue.broke(str(insecure))
        except OwnFailure as failure:
            self._dialogue.gave_up(str(failure))

    async def _secure(self, step: Secure) -> None:
        assert self._tls is not None
        self._log.sending()
        since = self._log.elapsed()
        try:
            async with self._within(step.stage):
                await self._connection.secure(*self._tls)
        finally:
            self._log.spent(step.stage, since)
        self._dialogue.secured()

    async def _say(self, say: Say) -> None:
        since = self._log.elapsed()
        sent, reply = False, None
        try:
            reply = self._connection.early() if say.octets else None
            if reply is None:
                sent = await self._sent(say)
                async with self._within(say.stage):
                    reply = await self._connection.reply()
        finally:
            self._log.exchanged(say, reply, sent=sent, since=since)
        if sent:
            self._dialogue.replied(reply)
        else:
            self._dialogue.replied_early(reply)

    async def _sent(self, say: Say) -> bool:
        if say.octets:
            self._log.sending()
        for start in range(0, len(say.octets), BLOCK):
            async with self._within(say.stage):
                if not await self._connection.send(say.octets[start : start + BLOCK]):
                    return False
        self._dialogue.sent()
        return True

    def _within(self, stage: Stage) -> asyncio.Timeout:
        return asyncio.timeout(self._deadlines.at(stage)[0].total_seconds())


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():g} s"
