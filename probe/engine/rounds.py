"""Rounds: APScheduler says when the next one begins, and every member has its turn at its own moment within it."""

import random
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

from probe.engine.sending import Dispatcher, Path
from probe.model.probe import Probe
from probe.model.settings import Member, Route, Settings
from probe.model.slots import EPOCH, extra_slot, phase, round_at, turn
from probe.ports import Clock

CATCH_UP = timedelta(seconds=3)
"""Turns of the round that is going on, which passed before the start, are made up for within so long."""


JITTER = 0.02
LONGEST_JITTER = timedelta(seconds=1)
"""A turn comes up to this share of the interval later than its moment, and no later than this."""


class Rounds:
    """Give every member of every route its turn, once an interval."""

    def __init__(
        self,
        settings: Settings,
        dispatcher: Dispatcher,
        *,
        members: Callable[[str], Iterable[Member]],
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
        scheduler: BaseScheduler | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._members = members
        self._clock = clock
        self._spawn = spawn
        self._chance = chance
        self._last_round: dict[tuple[str, str], int] = {}
        self._highest_round: dict[tuple[str, str], int] = {}
        # Rounds begin at once: as tasks, on a busy loop they are left out, or are errors in the log when all is ended.
        self._scheduler = scheduler or AsyncIOScheduler(timezone="UTC", executors={"default": DebugExecutor()})

    def start(self) -> None:
        """Begin a round at the start of each interval."""
        for route in self._settings.routes.values():
            # Since 1970, not since the next round: a clock that is set back must not go before the first one.
            trigger = IntervalTrigger(seconds=route.interval.total_seconds(), start_date=EPOCH, timezone="UTC")
            self._scheduler.add_job(self._run_round, trigger, (route,), **_JOB)
        self._scheduler.start()

    def plan_anew(self) -> None:
        """Plan by the wall clock as it is now: APScheduler would wait for the time that it planned for."""
        for job in self._scheduler.get_jobs():
            job.reschedule(job.trigger)

    def stop(self) -> None:
        """Begin no further round; turns that wait for their moment are the spawner's to cancel."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def restore(self, probes: Iterable[Probe]) -> None:
        """Learn from the probes before a restart which rounds to come are taken, because the clock was set back."""
        now = self._clock.now()
        for probe in probes:
            route = self._settings.routes.get(probe.route)
            if route and probe.started - now > route.interval:
                begun = (probe.route, probe.member)
                number = round_at(probe.started, route.interval)
                self._highest_round[begun] = max(number, self._highest_round.get(begun, -1))

    def welcome(self, pool: str, members: Iterable[Member]) -> None:
        """Let members that are new take part in the round that is going on, now if their moment has passed."""
        now = self._clock.now()
        for route in self._settings.routes_of(pool):
            number = round_at(now, route.interval)
            for member in members:
                at = turn(number, route.interval, route=self._beat(route), member=member.name)
                if at < now:
                    at = now + phase(self._beat(route), member.name) * min(CATCH_UP, route.interval)
                self._spawn(self._turn(route, member, number, at))

    def _run_round(self, route: Route) -> None:
        # The timer follows another clock than ours: the round that it means is the one that begins nearest to now.
        number = round_at(self._clock.now() + route.interval / 2, route.interval)
        for member in self._members(route.pool):
            at = turn(number, route.interval, route=self._beat(route), member=member.name)
            self._spawn(self._turn(route, member, number, at))

    async def _turn(self, route: Route, member: Member, number: int, at: datetime) -> None:
        # A little later each time: what fails at a fixed second must not always meet the same members.
        late = self._lateness(route, member, number) * min(JITTER * route.interval, LONGEST_JITTER)
        await self._clock.sleep((at + late - self._clock.now()).total_seconds())
        slot = self._slot(route, member, number)
        if slot is not None:
            await self._dispatcher.turn(Path(route, member, self._settings.pools[route.pool].smtp), slot)

    def _beat(self, route: Route) -> str:
        """Return by what a member's moments on a route are told from those on others, where they are to be told.

        Where connections are kept, routes of one interval meet at a member, so that they need only one.
        """
        return route.pool if self._reuses(route) else route.name

    def _lateness(self, route: Route, member: Member, number: int) -> float:
        if not self._reuses(route):
            return self._chance()
        # With the instance in it: of those that share a ledger not always the same one comes first.
        return phase(f"{self._settings.instance} {route.pool} {number}", member.name)

    def _reuses(self, route: Route) -> bool:
        return self._settings.pools[route.pool].smtp.reuse is not None

    def _slot(self, route: Route, member: Member, number: int) -> int | None:
        """Return the slot to claim for a round; None if the round was run already."""
        turned = (route.name, member.name)
        if number == self._last_round.get(turned):
            return None
        self._last_round[turned] = number
        if number > self._highest_round.get(turned, -1):
            self._highest_round[turned] = number
            return number
        # Numbers come again when the wall clock was set back; their slots are taken, but the turns are due.
        return extra_slot(self._clock.now())


_JOB: dict[str, Any] = {"misfire_grace_time": None, "coalesce": True}
"""A late round is run, and several late ones as one."""
