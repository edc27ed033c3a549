"""The engine: all loops of the probe under one owner, from the first look-up to the last settled probe."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from probe.engine import timekeeping
from probe.engine.board import Board
from probe.engine.evidence import KEPT, Evidence
from probe.engine.flight import Flight
from probe.engine.happenings import Happening, Judged, Reporter
from probe.engine.ledger_state import LedgerState
from probe.engine.mailboxes import MailboxWatch
from probe.engine.membership import Membership
from probe.engine.rounds import Rounds
from probe.engine.sending import Dispatcher, Path
from probe.engine.settling import Settler
from probe.engine.tidying import Tidier
from probe.engine.verdicts import Verdicts
from probe.engine.watching import FolderWatch, ReadWhole
from probe.model.letter import Folder
from probe.model.probe import Probe, Record
from probe.model.settings import Mailbox, Member, Settings, TagKey
from probe.ports import Clock, Finder, Ledger, LedgerTrouble, MailboxAccess, Sender

log = logging.getLogger(__name__)

OVERDUE_EVERY = timedelta(milliseconds=500)
PRUNE_EVERY = timedelta(minutes=10)
RESTART_AFTER = timedelta(seconds=1)
_DAY = timedelta(days=1)
DRAIN = timedelta(seconds=10)
"""How long transactions that go on may take at the end; those that take longer are cut off and left in doubt."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine works with."""

    clock: Clock
    ledger: Ledger
    sender: Sender
    mailboxes: Mapping[str, MailboxAccess]
    finders: Mapping[str, Finder]
    """Of the pools whose members are discovered."""


class Engine:
    """Probe, watch, settle and judge; everything that happens is told to the board and the reporters."""

    def __init__(
        self, settings: Settings, world: World, keys: Sequence[TagKey], reporters: Iterable[Reporter] = ()
    ) -> None:
        """``keys``: the first signs, all verify; there is at least one."""
        self.settings = settings
        self.began = asyncio.Event()
        """Set once what went before is restored, and the members of all pools were looked up."""
        self.board = Board(settings, now=world.clock.now())
        self._world = world
        self._keys = keys
        self._evidence = Evidence(settings.routes, needed=settings.health.rise + settings.health.fall)
        self._verdicts = Verdicts(
            settings, self._evidence, members=self.board.members, clock=world.clock, report=self._report
        )
        self._reporters: list[Reporter] = [self.board, self._verdicts, self._keep_verdict, *reporters]
        self._ledger_state = LedgerState(self._report)
        self._flight = Flight()
        self._seen_before: list[Probe] = []
        """Probes that were seen before a restart, and not yet closed."""
        self._deferred: dict[tuple[str, str], list[Record]] = {}
        self._settler = Settler(
            world.ledger,
            self._flight,
            clock=world.clock,
            report=self._report,
            keys=keys,
            instance=settings.instance,
        )
        self.dispatcher = Dispatcher(
            world.ledger,
            world.sender,
            self._flight,
            self._settler,
            self._ledger_state,
            instance=settings.instance,
            key=keys[0],
            clock=world.clock,
            report=self._report,
            expect=self._expect,
            spawn=self._spawn,
        )
        self._rounds = Rounds(
            settings.routes.values(),
            self.dispatcher,
            members=lambda pool: self.memberships[pool].members,
            smtp=lambda pool: settings.pools[pool].smtp,
            clock=world.clock,
            spawn=self._spawn,
        )
        self._probing = False
        self._watches = {name: self._mailbox_watch(mailbox) for name, mailbox in settings.mailboxes.items()}
        self.memberships: dict[str, Membership] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, reporter: Reporter) -> None:
        """Tell a reporter of everything that happens from now on."""
        self._reporters.append(reporter)

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until told to stop; then let the transactions end that go on, for a while."""
        async with self.working(probing=True):
            self._rounds.start()
            self._spawn(self._begin())
            await stop.wait()
            self._rounds.stop()
            self.dispatcher.finish()
            await self._drain()

    @asynccontextmanager
    async def working(self, *, probing: bool = False) -> AsyncIterator[None]:
        """Watch, settle and judge meanwhile; with ``probing`` members take part in rounds as they become known.

        Raises LedgerTrouble when what went before cannot be read.
        """
        await self._restore()
        async with asyncio.TaskGroup() as self._group:
            self._probing = probing
            for pool in self.settings.pools.values():
                finder = self._world.finders.get(pool.name)
                self.memberships[pool.name] = self._membership(pool.name, finder)
            loops: list[Callable[[], Awaitable[None]]]
            loops = [membership.run for membership in self.memberships.values()]
            loops += [watch.run for watch in self._watches.values()]
            loops += [self._settle_overdue, self._prune, self._follow_clock, self._verdicts.run]
            for loop in loops:
                self._spawn(self._supervised(loop))
            for probe in self._seen_before:
                self._spawn(self._settler.settle(probe))
            try:
                yield
            finally:
                for task in self._tasks:
                    task.cancel()

    async def _begin(self) -> None:
        await asyncio.gather(*(membership.tried.wait() for membership in self.memberships.values()))
        self.began.set()

    async def _restore(self) -> None:
        ledger, now = self._world.ledger, self._world.clock.now()
        outstanding = await ledger.outstanding()
        recent = await ledger.recent(KEPT, since=now - self._memory())
        self.board.restore(await ledger.totals(), recent, outstanding)
        self._verdicts.restore(await ledger.verdicts())
        for record in sorted(recent, key=lambda record: record.finished or now):
            self._evidence.add(record)
        for record in outstanding:
            self._flight.put(record)
            self._flight.expect(record.probe.id, since=record.probe.started)
            if record.arrival:
                self._seen_before.append(record.probe)
            if record.next_attempt:
                self._deferred.setdefault((record.probe.pool, record.probe.member), []).append(record)

    def _memory(self) -> timedelta:
        """Return how far back the evidence on a member reaches; a day at most, for it is all read at the start."""
        routes = self.settings.routes.values()
        return min(max((KEPT * route.interval + route.deadline for route in routes), default=_DAY), _DAY)

    def _expect(self, mailbox: str) -> None:
        # A retry may go back to a config that had another mailbox.
        if watch := self._watches.get(mailbox):
            watch.stir()

    def _report(self, happening: Happening) -> None:
        for reporter in self._reporters:
            reporter(happening)

    def _keep_verdict(self, happening: Happening) -> None:
        if not isinstance(happening, Judged) or self._group is None:
            return
        before, verdict = happening.before, happening.verdict
        if before is None or (before.state, before.guarded) != (verdict.state, verdict.guarded):
            self._spawn(self._world.ledger.set_verdict(happening.pool, happening.member, verdict))

    def _membership(self, pool: str, finder: Finder | None) -> Membership:
        return Membership(
            self.settings.pools[pool],
            finder,
            clock=self._world.clock,
            report=self._report,
            welcome=lambda members: self._welcome(pool, members),
        )

    def _welcome(self, pool: str, members: Sequence[Member]) -> None:
        if not self._probing:
            return
        self._rounds.welcome(pool, members)
        for member in members:
            for record in self._deferred.pop((pool, member.name), ()):
                if route := self.settings.routes.get(record.probe.route):
                    path = Path(route, member, self.settings.pools[pool].smtp)
                    self._spawn(self.dispatcher.retry(record, path))

    def _mailbox_watch(self, mailbox: Mailbox) -> MailboxWatch:
        world, access = self._world, self._world.mailboxes[mailbox.name]

        def folder_watch(folder: Folder, name: str, read_whole: ReadWhole) -> FolderWatch:
            tidier = Tidier(
                mailbox, folder, world.ledger, keys=self._keys, instance=self.settings.instance, clock=world.clock
            )
            return FolderWatch(
                mailbox.name,
                folder,
                access.reader(folder, name),
                world.ledger,
                self._flight,
                self._settler,
                tidier,
                clock=world.clock,
                read_whole=read_whole,
            )

        return MailboxWatch(
            mailbox.name,
            access,
            folder_watch,
            self._flight,
            self._settler,
            self._ledger_state,
            clock=world.clock,
            report=self._report,
        )

    async def _settle_overdue(self) -> None:
        while True:
            for mailbox in self._flight.mailboxes():
                await self._settler.settle_overdue(mailbox)
            await self._world.clock.sleep(OVERDUE_EVERY.total_seconds())

    async def _follow_clock(self) -> None:
        await timekeeping.follow(self._world.clock, self._clock_set)

    async def _clock_set(self, step: timedelta) -> None:
        self._rounds.plan_anew()
        await self._settler.clock_set(step)

    async def _prune(self) -> None:
        while True:
            await self._world.clock.sleep(PRUNE_EVERY.total_seconds())
            await self._world.ledger.prune(finished_before=self._world.clock.now() - self.settings.explain_for)

    async def _drain(self) -> None:
        until = self._world.clock.now() + DRAIN
        while self.dispatcher.transactions and self._world.clock.now() < until:
            await self._world.clock.sleep(0.05)

    async def _supervised(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop; when it breaks, say so and begin it again: one fault must not end the watch."""
        while True:
            try:
                return await loop()
            except LedgerTrouble as trouble:
                self._ledger_state.failed(trouble)
            except Exception:
                log.exception("a loop of the probe broke and is begun again")
            await self._world.clock.sleep(RESTART_AFTER.total_seconds())

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        assert self._group is not None
        task = self._group.create_task(self._contained(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _contained(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run to the end; a fault is told, and ends nothing else."""
        try:
            await coroutine
        except LedgerTrouble as trouble:
            self._ledger_state.failed(trouble)
        except Exception:
            log.exception("a task of the probe broke")
