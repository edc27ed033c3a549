"""Carries a dialogue over a connection, under its deadlines, and takes its times."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta

from probe.model.outcome import Stage
from probe.smtp.commands import Say, Secure, Step
from probe.smtp.connection import BLOCK, Connection
from probe.smtp.deadlines import Deadlines, Limit
from probe.smtp.dialogue import Dialogue
from probe.smtp.failures import Insecure, Lost, OwnFailure
from probe.smtp.log import Log
from probe.smtp.replies import Violation


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
        said: Callable[[Stage], None],
    ) -> None:
        """``said`` hears of what has been handed to the network, before its reply is waited for."""
        self._connection = connection
        self._dialogue = dialogue
        self._tls = tls
        self._log = log
        self._deadlines = deadlines
        self._said = said
        self._limit: Limit | None = None
        self._sent_at = timedelta()
        self._all_sent = False
        self._ahead = False
        self.distrusted = False
        """The server's certificate did not pass."""

    async def run(self, *, only_secure: bool = False) -> None:
        """Carry the dialogue to its end, or only until TLS stands; the connection stays open."""
        while step := self._dialogue.step:
            await self._take(step)
            if only_secure and isinstance(step, Secure):
                return
        for say in self._dialogue.unanswered() if self._all_sent else ():
            self._log.unanswered(say, since=self._sent_at)

    def say_ahead(self) -> bool:
        """Say the first of the dialogue now, behind a text that has just gone out; ``run`` hears the reply.

        False where there is nothing that can be said.
        """
        first = self._dialogue.step
        if not isinstance(first, Say):
            return False
        self._sent_at, self._ahead = self._log.elapsed(), True
        self._log.sending()
        self._connection.add(first.octets)
        self._said(first.stage)
        return True

    async def _take(self, step: Step) -> None:
        try:
            if isinstance(step, Secure):
                await self._secure(step)
            else:
                await self._say(step)
        except TimeoutError:
            self._dialogue.timed_out(str(self._limit))
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
        if (say.octets or not say.pipelined) and not self._ahead:
            self._sent_at = self._log.elapsed()
        self._all_sent, reply = False, None
        try:
            self._all_sent = await self._sent(say)
            async with self._within(say.stage):
                reply = await self._connection.reply()
        finally:
            self._log.exchanged(say, reply, sent=self._all_sent, since=self._sent_at)
        if self._all_sent:
            self._dialogue.replied(reply)
        else:
            self._dialogue.replied_early(reply)

    async def _sent(self, say: Say) -> bool:
        if self._ahead:
            self._ahead = False
            self._dialogue.sent()
            return True
        if say.octets:
            self._log.sending()
        for start in range(0, len(say.octets), BLOCK):
            async with self._within(say.stage):
                if not await self._connection.send(say.octets[start : start + BLOCK]):
                    return False
        self._dialogue.sent()
        if say.octets:
            self._said(say.stage)
        return True

    def _within(self, stage: Stage) -> asyncio.Timeout:
        # Once the end is known, whatever is still said and heard belongs to taking leave.
        stage = Stage.QUIT if self._dialogue.ended else stage
        self._limit = self._deadlines.limit(stage, tentative=self._dialogue.tentative)
        return asyncio.timeout(self._limit.seconds)
