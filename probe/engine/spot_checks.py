"""Spot checks: members asked on demand, in the pauses between their transactions, for whoever waits for the answer."""

import asyncio
from datetime import datetime, timedelta

from probe.engine.sending import Dispatcher, Path
from probe.model.message import Envelope
from probe.model.probe import PathKey
from probe.model.spot_check import SpotCheck
from probe.ports import Clock, Enquirer

MOST_AT_ONCE = 64
"""Checks that go on or wait at the same time; further ones are turned away."""
GOOD_FOR = timedelta(seconds=1)
"""Whoever asks the same within so long after an answer gets that answer."""


class NoTurn(Exception):
    """Nothing was asked; the message says why, in one sentence."""


class SpotChecks:
    """Ask members by MAIL and RCPT; never beside a transaction with the same member, and never many at once."""

    def __init__(self, dispatcher: Dispatcher, enquirer: Enquirer, *, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._enquirer = enquirer
        self._clock = clock
        self._at_once = 0
        self._answers: dict[PathKey, tuple[datetime, SpotCheck]] = {}

    async def check(self, path: Path, *, within: timedelta) -> SpotCheck:
        """Ask a member, or hear what it has just been asked; the wait for its turn counts. Raises NoTurn."""
        if self._at_once >= MOST_AT_ONCE:
            raise NoTurn(f"{MOST_AT_ONCE} other checks go on or wait")
        began = asyncio.Event()
        checking = asyncio.create_task(self._check(path, self._clock.now() + within, began))
        self._at_once += 1
        try:
            await self._clock.wait(began, within.total_seconds())
            if not began.is_set():
                raise NoTurn(f"other transactions with {path.member} left no turn for it in time")
            return await checking
        finally:
            self._at_once -= 1
            checking.cancel()
            await asyncio.wait([checking])

    async def _check(self, path: Path, until: datetime, began: asyncio.Event) -> SpotCheck:
        async with self._dispatcher.alone_with(path.member):
            began.set()
            if self._dispatcher.finishing:
                raise NoTurn("the probe is being stopped or loads its config anew")
            if answer := self._answer(path):
                return answer
            since = self._clock.now()
            asked = Envelope(path.route.sender, path.route.recipient)
            attempt = await self._enquirer.ask(path.member, asked, settings=path.smtp, until=until)
            now = self._clock.now()
            check = SpotCheck(path.member, path.route, path.smtp, attempt, now - since)
            self._answers[path.key] = now, check
            return check

    def _answer(self, path: Path) -> SpotCheck | None:
        """Return what was answered just now; older answers are forgotten."""
        now = self._clock.now()
        self._answers = {key: kept for key, kept in self._answers.items() if abs(now - kept[0]) < GOOD_FOR}
        _, check = self._answers.get(path.key, (now, None))
        return check if check and check.member == path.member else None
