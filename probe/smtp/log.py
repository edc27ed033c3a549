"""Keeps the times and the transcript of one attempt."""

import time
from dataclasses import replace
from datetime import datetime, timedelta

from probe.model.outcome import Stage
from probe.model.reply import Exchange, Reply
from probe.ports import Clock
from probe.smtp.commands import STRUCK_OUT, Say


class Log:
    """Measures from its making on; the wall clock is asked once only, so that all differences are true."""

    def __init__(self, clock: Clock, *, reused: bool = False) -> None:
        """``reused``: it begins over a connection that an earlier transaction had left open."""
        self.began = clock.now()
        self.dialled = timedelta()
        """When the connection was asked for that counts, from the start."""
        self._reused = reused
        self._start = time.monotonic()
        self.stages: dict[Stage, timedelta] = {}
        self.exchanges: list[Exchange] = []
        self.first_byte: datetime | None = None

    def elapsed(self) -> timedelta:
        """Return how long the attempt has lasted."""
        return timedelta(seconds=time.monotonic() - self._start)

    def dialling_anew(self) -> None:
        """Begin to measure again, over a new connection; what was said in vain over a kept one stays to be read."""
        self.dialled, self._reused = self.elapsed(), False
        self.stages, self.first_byte = {}, None

    def sending(self) -> None:
        """Note that octets of ours are about to go out."""
        self.first_byte = self.first_byte or self.began + self.elapsed()

    def spent(self, stage: Stage, since: timedelta) -> timedelta:
        """Add the time since then to a stage, and return it."""
        took = self.elapsed() - since
        self.stages[stage] = self.stages.get(stage, timedelta()) + took
        return took

    def exchanged(self, say: Say, reply: Reply | None, *, sent: bool, since: timedelta) -> None:
        """Note what was said and what came back."""
        shown = say.shown if sent or not say.octets else f"{say.shown} (not all sent)"
        heard = _without_challenge(reply) if reply else None
        took = self.spent(say.stage, since) if say.counted else self.elapsed() - since
        self._note(say, shown, heard, since, took)

    def unanswered(self, say: Say, *, since: timedelta) -> None:
        """Note what was said in vain, whose turn never came: it counts for no stage."""
        self._note(say, say.shown, None, since, self.elapsed() - since)

    def replied_after(self, stage: Stage) -> timedelta | None:
        """Return when the last reply at a stage came, counted from the start."""
        ends = (past.at + past.took for past in self.exchanges if past.stage is stage and past.reply)
        return max(ends, default=None)

    def _note(self, say: Say, shown: str, heard: Reply | None, since: timedelta, took: timedelta) -> None:
        self.exchanges.append(Exchange(say.stage, shown, heard, since, took, say.pipelined, self._reused))


def _without_challenge(reply: Reply) -> Reply:
    # Only AUTH is answered by 334; with what answers it a challenge lets the password be guessed at leisure.
    return replace(reply, lines=(STRUCK_OUT,)) if reply.code == 334 else reply
