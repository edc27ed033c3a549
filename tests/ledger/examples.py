"""Probes, attempts and sightings to test with, told apart by what matters to the test."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from probe.ledger import open_ledger
from probe.model.findings import Findings
from probe.model.letter import Folder, Hop, Place, Sighting
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Judgement, Probe
from probe.model.reply import Attempt, Ending, Exchange, Reply

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def a_probe(
    id: str = "p1",
    *,
    slot: int | None = None,
    pool: str = "vip",
    member: str = "mta1",
    route: str = "inbound",
    instance: str = "probe-a",
    started: datetime = NOON,
    expected: Outcome = Outcome.DELIVERED,
) -> Probe:
    return Probe(
        id=id,
        instance=instance,
        pool=pool,
        member=member,
        route=route,
        mailbox="monitor",
        bounces="monitor",
        slot=int(id.strip("p")) if slot is None else slot,
        endpoint="127.0.0.11:2525",
        expected=expected,
        started=started,
        deadline=started + 300 * SECOND,
        late_until=started + 5 * DAY,
    )


def an_attempt(ending: Ending = Ending.ACCEPTED, *, reason: str = "250 2.0.0 queued as 4Z") -> Attempt:
    reply = Reply(250, ("queued", "as 4Z"), "2.0.0")
    return Attempt(
        ending=ending,
        stage=Stage.BODY,
        reason=reason,
        began=NOON + SECOND,
        first_byte=NOON + SECOND,
        accepted=NOON + 2 * SECOND,
        smtp_time=timedelta(microseconds=1_000_001),
        reply=reply,
        stages={Stage.CONNECT: timedelta(milliseconds=3), Stage.BODY: timedelta(microseconds=7)},
        transcript=(
            Exchange(Stage.BANNER, "", Reply(220, ("mta1",)), timedelta(0), timedelta(milliseconds=4)),
            Exchange(Stage.BODY, ".", reply, timedelta(milliseconds=900), timedelta(milliseconds=100), pipelined=True),
            Exchange(Stage.QUIT, "QUIT", None, timedelta(seconds=1), timedelta(seconds=1)),
        ),
    )


def a_place(uid: str = "1", *, validity: int = 7, mailbox: str = "monitor", folder: Folder = Folder.INBOX) -> Place:
    return Place(mailbox, folder, validity, uid)


def a_sighting(probe_id: str = "p1", place: Place | None = None, *, seen: datetime = NOON + 9 * SECOND) -> Sighting:
    return Sighting(
        probe_id=probe_id,
        place=place or a_place(),
        seen=seen,
        internal_date=NOON + 8 * SECOND,
        size=2048,
        hops=(
            Hop("mta1.lab.test", "ESMTPS", NOON + 3 * SECOND, None, "probe.lab.test", "4Z", True, -60 * SECOND),
            Hop("store.lab.test", None, NOON + 4 * SECOND, SECOND),
            Hop("nowhen.lab.test", None, None, None),
        ),
        findings=Findings("cut off", "a wrong hop"),
    )


def judged(outcome: Outcome = Outcome.DELIVERED) -> Judgement:
    return Judgement(outcome, f"it was {outcome}")


class StillClock:
    """A clock that stands at one moment."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def stepped(self) -> timedelta:
        return timedelta(0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        await asyncio.sleep(0)


def with_ledger(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a ledger of its own, on each database; further arguments are pytest's."""

    def on_database(url: str, **arguments: Any) -> None:
        async def opened() -> None:
            async with open_ledger(url, instance="probe-a", clock=StillClock()) as ledger:
                await test(ledger, **arguments)

        asyncio.run(opened())

    first, *others = inspect.signature(test).parameters.values()
    signature = inspect.Signature([first.replace(name="url", annotation=str), *others])
    on_database.__signature__ = signature  # type: ignore[attr-defined]  # it is how pytest reads what a test asks for
    on_database.__name__ = test.__name__
    on_database.__module__ = test.__module__
    return on_database
