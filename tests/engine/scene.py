"""A scene: parts of the engine on a clock of its own, over a real ledger, with all that happens written down."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from probe.engine.engine import Engine, World
from probe.engine.examining import Examiner
from probe.engine.flight import Flight
from probe.engine.happenings import Happening
from probe.engine.ledger_state import LedgerState
from probe.engine.patience import Patience
from probe.engine.retrying import Retries
from probe.engine.sending import Dispatcher
from probe.engine.sending import Path as Way
from probe.engine.setbacks import Setbacks
from probe.engine.settling import Settler
from probe.ledger import open_ledger
from probe.model.message import body, compose, digest
from probe.model.outcome import Outcome
from probe.model.probe import Probe, Record
from probe.model.secret import Secret
from probe.model.settings import (
    HealthPolicy,
    ImapSettings,
    Login,
    Mailbox,
    Member,
    Pool,
    Retry,
    Route,
    Settings,
    SmtpSettings,
    TagKey,
)
from probe.model.tag import ID_BYTES, probe_id
from probe.ports import Finder, Ledger
from tests.engine.fakes import NOON, FakeClock, FakeMailbox, FakeReports, FakeSender, LedgerOnDemand

SECOND = timedelta(seconds=1)
KEY = TagKey("k1", b"0123456789abcdef")
INSTANCE = "probe-a"
DEADLINE = 10 * SECOND

H = TypeVar("H")


def member(name: str = "mta1", pool: str = "vip") -> Member:
    return Member(pool, name, "127.0.0.11", 2525)


def route(
    name: str = "inbound",
    *,
    pool: str = "vip",
    interval: timedelta = 5 * SECOND,
    deadline: timedelta = DEADLINE,
    expect: Outcome = Outcome.DELIVERED,
    retry: Retry = Retry(),  # noqa: B008 - it is frozen
    only_asks: bool = False,
) -> Route:
    mailbox = None if only_asks else "monitor"
    return Route(
        name=name,
        pool=pool,
        mailbox=mailbox,
        sender="probe@lab.test",
        recipient="monitor@lab.test",
        bounces=mailbox,
        interval=interval,
        deadline=deadline,
        expect=expect,
        retry=retry,
    )


def settings(*members: str, routes: tuple[Route, ...] | None = None, **health: Any) -> Settings:
    routes = routes if routes is not None else (route(),)
    pools = {each.pool: Pool(each.pool, tuple(member(name, each.pool) for name in members)) for each in routes}
    box = Mailbox("monitor", "monitor@lab.test", ImapSettings("127.0.0.1", Login("monitor", Secret("x")), 993))
    return Settings(
        INSTANCE,
        "sqlite://",
        {"monitor": box},
        pools,
        {each.name: each for each in routes},
        health=HealthPolicy(**health),
    )


def way(on: str = "mta1", **route_changes: Any) -> Way:
    """A member on a route."""
    return Way(route(**route_changes), member(on), SmtpSettings())


def a_probe(number: int = 1, *, name: str = "mta1", at: datetime = NOON, **changes: Any) -> Probe:
    asked = route()
    probe = Probe(
        id=probe_id(number.to_bytes(ID_BYTES, "big")),
        instance=INSTANCE,
        pool="vip",
        member=name,
        route=asked.name,
        mailbox="monitor",
        bounces="monitor",
        slot=number,
        endpoint="127.0.0.11:2525",
        expected=asked.expect,
        started=at,
        deadline=at + asked.deadline,
        late_until=at + asked.late_until,
    )
    return replace(probe, **({"body_digest": digest(body(asked, probe, KEY))} | changes))


def message(probe: Probe, key: TagKey = KEY) -> bytes:
    """Write the message of a probe."""
    return compose(route(), probe, key).message


@dataclass
class Scene:
    """The parts, made on demand."""

    clock: FakeClock
    faults: LedgerOnDemand
    path: Path
    told: list[Happening] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = cast(Ledger, self.faults)
        self.flight = Flight()
        self.sender = FakeSender(self.clock)
        self.mailbox = FakeMailbox(self.clock)
        self.sender.deliver = lambda member, envelope: (
            None if self.discards(member) else self._deliver(envelope.message)
        )
        self.discarding: set[str] = set()
        self.settler = self.new_settler()
        self.setbacks = Setbacks(self.told.append)
        self.ledger_state = LedgerState(self.told.append)
        self.dispatcher = self.new_dispatcher()
        self.retries = Retries(
            self.ledger, self.dispatcher, self.settler, self.setbacks, self.ledger_state, clock=self.clock
        )

    def discards(self, member: Member) -> bool:
        return member.name in self.discarding

    def of(self, kind: type[H]) -> list[H]:
        """Return what happened, of one kind."""
        return [each for each in self.told if isinstance(each, kind)]

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def record(self, probe_id: str) -> Record:
        record = await self.ledger.record(probe_id)
        assert record is not None
        return record

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something that the scene ends."""
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        return task

    def new_settler(self, flight: Flight | None = None, examiner: Examiner | None = None) -> Settler:
        return Settler(
            self.ledger,
            flight or self.flight,
            FakeReports(),
            examiner or Examiner({"inbound": route()}, [KEY]),
            clock=self.clock,
            report=self.told.append,
            keys=[KEY],
            instance=INSTANCE,
        )

    def new_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.ledger,
            self.sender,
            self.sender,
            self.flight,
            self.settler,
            self.setbacks,
            Patience(settings()),
            self.ledger_state,
            instance=INSTANCE,
            key=KEY,
            clock=self.clock,
            report=self.told.append,
            expect=self.expected.append,
            retry=self.retry,
        )

    def retry(self, record: Record, path: Way) -> None:
        self.spawn(self.retries.retry(record, path))

    def engine(self, asked: Settings, finders: dict[str, Finder] | None = None) -> Engine:
        """Make a whole engine that reports here."""
        world = World(
            self.clock,
            self.ledger,
            self.sender,
            self.sender,
            dict.fromkeys(asked.mailboxes, self.mailbox),
            FakeReports(),
            finders or {},
        )
        return Engine(asked, world, [KEY], [self.told.append])

    @asynccontextmanager
    async def working(self, engine: Engine, *, probing: bool = False) -> AsyncIterator[None]:
        """Let an engine work, without the rounds that a scheduler begins by the real clock."""
        async with engine.working(probing=probing):
            await self.clock.rest()
            yield

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _deliver(self, written: bytes) -> None:
        self.mailbox.deliver(written)


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Set a scene, on the ledger of a folder."""
    clock = FakeClock()
    async with open_ledger(f"sqlite:///{folder}/ledger.db", instance=INSTANCE, clock=clock) as ledger:
        faults = LedgerOnDemand(ledger)
        clock.outside.append(faults.resting)
        made = Scene(clock, faults, folder)
        try:
            yield made
        finally:
            await made.end()


def on_scene(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a scene of its own, within half a minute of real time."""

    async def bounded(folder: Path, arguments: dict[str, Any]) -> None:
        async with asyncio.timeout(30), scene(folder) as made:
            await test(made, **arguments)

    def on_folder(tmp_path: Path, **arguments: Any) -> None:
        asyncio.run(bounded(tmp_path, arguments))

    return as_pytest_sees_it(on_folder, test)


def as_pytest_sees_it(
    wrapper: Callable[..., None], test: Callable[..., Coroutine[Any, Any, None]]
) -> Callable[..., None]:
    """Let a wrapped test ask for the folder in place of the scene, and for all else that it names."""
    first, *others = inspect.signature(test).parameters.values()
    signature = inspect.Signature([first.replace(name="tmp_path", annotation=Path), *others])
    wrapper.__signature__ = signature  # type: ignore[attr-defined]  # it is how pytest reads what a test asks for
    wrapper.__name__, wrapper.__module__ = test.__name__, test.__module__
    return wrapper
