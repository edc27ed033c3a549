"""A scheduler on a clock of the tests: it plans by the time of day and waits by a timer, as APScheduler does."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger

from tests.engine.fakes import FakeClock


class FakeJob:
    """One job, run whenever its trigger says."""

    def __init__(self, clock: FakeClock, trigger: BaseTrigger, run: Callable[[], None]) -> None:
        self.trigger = trigger
        self._clock = clock
        self._run = run
        self._next: datetime = trigger.get_next_fire_time(None, clock.now())
        self._planned = asyncio.Event()

    def reschedule(self, trigger: BaseTrigger) -> None:
        self._next = trigger.get_next_fire_time(None, self._clock.now())
        self._planned.set()

    async def go(self) -> None:
        while True:
            self._planned.clear()
            await self._clock.wait(self._planned, (self._next - self._clock.now()).total_seconds())
            if self._clock.now() >= self._next:
                self._next = self.trigger.get_next_fire_time(self._next, self._clock.now())
                if self._next <= self._clock.now():  # coalesce: late ones are one
                    self._next = self.trigger.get_next_fire_time(None, self._clock.now() + timedelta.resolution)
                self._run()


class FakeScheduler:
    """What rounds use of a scheduler."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._jobs: list[FakeJob] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.running = False

    def add_job(self, run: Callable[..., None], trigger: BaseTrigger, arguments: Sequence[Any], **options: Any) -> None:
        self._jobs.append(FakeJob(self._clock, trigger, lambda: run(*arguments)))

    def get_jobs(self) -> Sequence[FakeJob]:
        return self._jobs

    def start(self) -> None:
        self.running = True
        self._tasks = [asyncio.create_task(job.go()) for job in self._jobs]

    def shutdown(self, *, wait: bool) -> None:
        self.running = False
        for task in self._tasks:
            task.cancel()
