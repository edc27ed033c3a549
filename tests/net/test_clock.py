"""The real clock, over a wall clock and a monotonic one that only the test moves."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from probe.net.clock import SystemClock

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


class Clocks:
    """Those of a machine."""

    def __init__(self) -> None:
        self.wall = NOON
        self.monotonic_seconds = 1000.0
        self.clock = SystemClock(lambda: self.wall, lambda: self.monotonic_seconds)

    def pass_by(self, time: timedelta) -> None:
        self.wall += time
        self.monotonic_seconds += time.total_seconds()


def test_time_goes_on() -> None:
    clocks = Clocks()
    assert clocks.clock.now() == NOON
    clocks.pass_by(90 * SECOND)
    assert clocks.clock.now() == NOON + 90 * SECOND


@pytest.mark.parametrize("by", [SECOND, -SECOND, SECOND / 2])
def test_small_corrections_are_not_followed_so_that_differences_are_true(by: timedelta) -> None:
    clocks = Clocks()
    clocks.wall += by
    assert clocks.clock.stepped() == timedelta(0)
    clocks.pass_by(SECOND)
    assert clocks.clock.now() == NOON + SECOND


@pytest.mark.parametrize("by", [SECOND + TICK, -SECOND - TICK, timedelta(hours=1), timedelta(days=-365)])
def test_a_clock_that_was_set_is_followed_when_it_is_asked_for_and_told_once(by: timedelta) -> None:
    clocks = Clocks()
    clocks.wall += by
    clocks.pass_by(SECOND)
    assert clocks.clock.now() == NOON + SECOND
    assert clocks.clock.stepped() == by
    assert clocks.clock.now() == NOON + by + SECOND
    assert clocks.clock.stepped() == timedelta(0)


def test_a_machine_that_slept_knows_the_time_again() -> None:
    clocks = Clocks()
    clocks.wall += timedelta(hours=8)
    clocks.monotonic_seconds += 2
    assert clocks.clock.stepped() == timedelta(hours=8) - 2 * SECOND
    assert clocks.clock.now() == NOON + timedelta(hours=8)


def test_the_time_is_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < 2 * SECOND


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_no_time_at_all_is_a_turn_of_the_loop(seconds: float) -> None:
    async def scenario() -> list[str]:
        order: list[str] = []
        other = asyncio.create_task(_tell(order, "other"))
        await SystemClock().sleep(seconds)
        order.append("slept")
        await other
        return order

    assert asyncio.run(scenario()) == ["other", "slept"]


async def _tell(order: list[str], what: str) -> None:
    order.append(what)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.001])
def test_a_wait_for_an_event_that_never_comes_ends(seconds: float) -> None:
    event = asyncio.Event()
    asyncio.run(SystemClock().wait(event, seconds))
    assert not event.is_set()


def test_a_wait_ends_with_its_event() -> None:
    async def scenario() -> None:
        event = asyncio.Event()
        waiting = asyncio.create_task(SystemClock().wait(event, 60))
        await asyncio.sleep(0)
        assert not waiting.done()
        event.set()
        async with asyncio.timeout(5):
            await waiting

    asyncio.run(scenario())


def test_a_wait_that_is_cancelled_is_cancelled() -> None:
    async def scenario() -> None:
        waiting = asyncio.create_task(SystemClock().wait(asyncio.Event(), 60))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())
