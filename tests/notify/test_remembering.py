"""What an endpoint was told is written down when it changes, and never stands in the way of an alarm."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from probe.model.alarm import Alarm
from probe.model.settings import Notify, NotifyKind
from probe.notify import remembering
from probe.notify.endpoint import Counts, Endpoint
from probe.notify.remembering import Remembering, name_of
from tests.engine.fakes import FakeClock
from tests.notify.alarms import ORIGIN, MemoryByHand, down

WEBHOOK = Notify("https://hooks.example.org/secret-in-the-path", after=timedelta())


class Desk:
    """An endpoint that takes everything, beside a ledger."""

    def __init__(self) -> None:
        self.memory = MemoryByHand()
        self.posts = 0
        self.begin()

    def begin(self) -> None:
        """Begin anew, as after a restart."""
        self.endpoint = Endpoint(WEBHOOK, Counts(), clock=FakeClock(), post=self._post)
        self._remembering = Remembering(self.endpoint, lambda: self.memory)

    async def look(self, *alarms: Alarm) -> None:
        """Look once, as the notifier does."""
        await self._remembering.recall()
        await self.endpoint.tell(alarms, ORIGIN)
        await self._remembering.keep()

    def remembered(self) -> list[Alarm]:
        return self.memory.told.get(name_of(WEBHOOK), [])

    async def _post(self, to: Notify, body: bytes) -> None:
        self.posts += 1


def at_a_desk(test: Callable[[Desk], Awaitable[None]]) -> Callable[[], None]:
    async def scenario() -> None:
        await asyncio.wait_for(asyncio.ensure_future(test(Desk())), 20)

    def run() -> None:
        asyncio.run(scenario())

    run.__name__, run.__module__ = test.__name__, test.__module__
    return run


@at_a_desk
async def test_it_is_written_down_when_it_changes_and_only_then(desk: Desk) -> None:
    for wrong in ([], [down()], [down()], [down(), down("mta2")], [down("mta2")], [], []):
        await desk.look(*wrong)
    assert desk.memory.written == 4
    assert desk.remembered() == []


@at_a_desk
async def test_nothing_is_told_twice_after_a_restart(desk: Desk) -> None:
    await desk.look(down())
    desk.begin()
    await desk.look(down())
    assert (desk.posts, desk.memory.written) == (1, 1)


@at_a_desk
async def test_while_the_ledger_fails_everything_is_told_and_written_down_later(desk: Desk) -> None:
    desk.memory.fails = True
    await desk.look(down())
    assert (desk.posts, desk.remembered()) == (1, [])
    desk.memory.fails = False
    await desk.look(down())
    assert (desk.posts, desk.remembered()) == (1, [down()])


@at_a_desk
async def test_what_could_not_be_read_at_the_start_is_not_lost_by_what_is_told_since(desk: Desk) -> None:
    await desk.look(down("mta1"))
    desk.begin()
    desk.memory.fails = True
    await desk.look(down("mta1"), down("mta2"))
    desk.memory.fails = False
    await desk.look(down("mta2"))
    assert desk.posts == 3  # of both, and that one is over
    assert desk.remembered() == [down("mta2")]


@at_a_desk
async def test_a_ledger_that_is_opened_in_place_of_another_is_written_to(desk: Desk) -> None:
    await desk.look(down())
    desk.memory = MemoryByHand()
    await desk.look(down())
    assert desk.remembered() == [down()]


def test_a_ledger_that_hangs_holds_up_no_alarm_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "PATIENCE_SECONDS", 0.01)

    async def scenario() -> None:
        desk = Desk()
        desk.memory.hangs = True
        await desk.look(down())
        assert desk.posts == 1

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_an_endpoint_is_known_by_a_name_that_hides_its_url() -> None:
    names = {name_of(Notify(url, kind)) for url in ("http://a/", "http://b/") for kind in NotifyKind}
    assert len(names) == 4
    assert "secret" not in name_of(WEBHOOK)
    assert len(name_of(Notify("http://a/" + "x" * 5000))) == 64
