"""The engine: all loops of the probe under one owner, from the first look-up to the last settled probe."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from probe.engine import timekeeping
from probe.engine.board import Board
from probe.engine.deferred import Deferred
from probe.engine.evidence import KEPT, Evidence
from probe.engine.examining import Examiner
from probe.engine.flight import Flight
from probe.engine.following import Following
from probe.engine.happenings import Happening, Reporter
from probe.engine.holding import Holding
from probe.engine.keeping import Keeper
from probe.engine.ledger_state import LedgerState
from probe.engine.mailboxes import MailboxWatch
from probe.engine.membership import Membership
from probe.engine.patience import Patience
from probe.engine.retrying import Retries
from probe.engine.rounds import Rounds
from probe.engine.sending import Dispatcher, Path
from probe.engine.setbacks import Setbacks
from probe.engine.settling import Settler
from probe.engine.spot_checks import SpotChecks
from probe.engine.supervision import Loop, Supervisor
from probe.engine.tidying import Tidier
from probe.engine.tls_watch import TlsWatches
from probe.engine.verdicts import Verdicts
from probe.engine.watching import FolderWatch, ReadWhole
from probe.model.letter import Folder
from probe.model.probe import Record
from probe.model.settings import Mailbox, Member, Pool, Settings, TagKey
from probe.ports import Clock, Enquirer, Finder, Ledger, MailboxAccess, ReportReader, Sender, TlsPolicies

OVERDUE_EVERY = timedelta(milliseconds=500)
PRUNE_EVERY = timedelta(minutes=10)
_DAY = timedelta(days=1)
DRAIN = timedelta(seconds=10)
"""How long transactions that go on may take at the end; those that take longer are cut off and left in doubt."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine works with."""

    clock: Clock
    ledger: Ledger
    sender: Sender
    enquirer: Enquirer
    mailboxes: Mapping[str, MailboxAccess]
    reports: ReportReader
    finders: Mapping[str, Finder]
    """Of the pools whose members are discovered."""
    tls_policies: TlsPolicies | None = None
    """None where nobody wants to know about the TLS of exchangers."""


class Engine:
    """Probe, watch, settle and judge; everything that happens is told to the board and the reporters."""

    def __init__(
        self, settings: Settings, world: World, keys: Sequence[TagKey], reporters: Iterable[Reporter] = ()
    ) -> None:
        """``keys``: the first signs, all verify; there is at least one."""
        self.settings = settings
        self.world = world
        self.began = asyncio.Event()
        """Set once what went before is restored, and the members of all pools were looked up."""
        self.board = Board(settings, now=world.clock.now())
        self._keys = keys
        health = settings.health
        self._evidence = Evidence(settings.routes, needed=health.rise + health.fall, stale_after=health.stale_after)
        self._verdicts = Verdicts(
            settings, self._evidence, members=self.board.members, clock=world.clock, report=self._report
        )
        self._ledger_state = LedgerState(self._report)
        self._supervisor = Supervisor(self._ledger_state, clock=world.clock)
        self.holding = Holding(world.ledger, clock=world.clock, tell=self._verdicts.hear)
        self._keeper = Keeper(
            world.ledger,
            self._ledger_state,
            clock=world.clock,
            spawn=self._supervisor.spawn,
            hold=self.holding.last,
        )
        self._tls_watches = TlsWatches(settings.pools, world.tls_policies, clock=world.clock, report=self._report)
        self._reporters: list[Reporter] = [self.board, self._verdicts, self._keeper, self._tls_watches, *reporters]
        self._flight = Flight()
        self._examiner = Examiner(settings.routes, keys)
        self._settler = Settler(
            world.ledger,
            self._flight,
            world.reports,
            self._examiner,
            clock=world.clock,
            report=self._report,
            keys=keys,
            instance=settings.instance,
        )
        self._following = Following(world.ledger, self._flight, self._settler, clock=world.clock)
        self._setbacks = Setbacks(self._report)
        self.dispatcher = Dispatcher(
            world.ledger,
            world.sender,
            world.enquirer,
            self._flight,
            self._settler,
            self._setbacks,
            Patience(settings),
            self._ledger_state,
            instance=settings.instance,
            key=keys[0],
            clock=world.clock,
            report=self._report,
            expect=self._expect,
            retry=self._retry,
        )
        self.spot_checks = SpotChecks(self.dispatcher, world.enquirer, clock=world.clock)
        self._retries = Retries(
            world.ledger, self.dispatcher, self._settler, self._setbacks, self._ledger_state, clock=world.clock
        )
        self._rounds = Rounds(
            settings,
            self.dispatcher,
            members=lambda pool: self.memberships[pool].members,
            clock=world.clock,
            spawn=self._supervisor.spawn,
        )
        self.memberships = {name: self._membership(pool) for name, pool in settings.pools.items()}
        self._watches = {name: self._mailbox_watch(mailbox) for name, mailbox in settings.mailboxes.items()}
        self._deferred = Deferred(settings, retry=self._retry)
        self._probing = False

    def listen(self, reporter: Reporter) -> None:
        """Tell a reporter of everything that happens from now on."""
        self._reporters.append(reporter)

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until told to stop; then let the transactions end that go on, for a while."""
        async with self.working(probing=True):
            self._rounds.start()
            self._supervisor.spawn(self._begin())
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
        if probing:
            self._keeper.keep_history(await self.world.ledger.last_changes())
        self._probing = probing
        try:
            async with self._supervisor.supervising():
                for loop in self._loops():
                    self._supervisor.keep(loop)
                for record in self._flight.all():
                    if record.arrival or record.bounce:
                        self._supervisor.spawn(self._settler.settle(record.probe))
                yield
        finally:
            await self.world.sender.close()

    def _loops(self) -> Iterator[Loop]:
        yield from (membership.run for membership in self.memberships.values())
        yield from (watch.run for watch in self._watches.values())
        if self._probing:
            yield self._following.run
            yield from self._tls_watches.loops()
        yield from (self.holding.run, self._verdicts.run, self._settle_overdue, self._prune, self._follow_clock)

    async def _begin(self) -> None:
        await asyncio.gather(*(membership.tried.wait() for membership in self.memberships.values()))
        self.began.set()

    async def _restore(self) -> None:
        ledger, now = self.world.ledger, self.world.clock.now()
        carried = await ledger.carried_forward(KEPT, since=now - self._memory())
        recent, outstanding = carried.recent, carried.outstanding
        self.board.restore(carried.totals, recent, outstanding)
        self._following.begin_after(carried.closing)
        await self.holding.refresh()
        self._verdicts.restore(await ledger.verdicts(), await ledger.turns(since=now - self._memory()))
        self._rounds.restore(record.probe for record in [*recent, *outstanding])
        for record in sorted(recent, key=lambda record: record.finished or now):
            self._evidence.add(record)
            if record.arrival:
                self._examiner.remember(record.probe, record.arrival)
        self._setbacks.restore([*recent, *outstanding], self.settings.routes, now=now)
        for record in outstanding:
            if record.sending and record.sending.accepted:
                self._evidence.took(record.probe, record.sending.accepted)
            self._flight.put(record)
            self._flight.expect(record.probe.id, since=record.probe.started)
            if record.probe.instance == self.settings.instance:
                self._deferred.put(record)

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

    def _membership(self, pool: Pool) -> Membership:
        return Membership(
            pool,
            self.world.finders.get(pool.name),
            clock=self.world.clock,
            report=self._report,
            welcome=partial(self._welcome, pool.name),
        )

    def _welcome(self, pool: str, members: Sequence[Member]) -> None:
        if self._probing:
            self._rounds.welcome(pool, members)
            self._deferred.welcome(pool, members)

    def _retry(self, record: Record, path: Path) -> None:
        self._supervisor.spawn(self._retries.retry(record, path))

    def _mailbox_watch(self, mailbox: Mailbox) -> MailboxWatch:
        return MailboxWatch(
            mailbox.name,
            self.world.mailboxes[mailbox.name],
            partial(self._folder_watch, mailbox),
            self._flight,
            self._settler,
            self._ledger_state,
            clock=self.world.clock,
            report=self._report,
        )

    def _folder_watch(self, mailbox: Mailbox, folder: Folder, name: str, read_whole: ReadWhole) -> FolderWatch:
        ledger, clock = self.world.ledger, self.world.clock
        return FolderWatch(
            mailbox.name,
            folder,
            self.world.mailboxes[mailbox.name].reader(folder, name),
            ledger,
            self._flight,
            self._settler,
            Tidier(
                mailbox,
                folder,
                ledger,
                keys=self._keys,
                clock=clock,
                report=self._report,
            ),
            clock=clock,
            read_whole=read_whole,
        )

    async def _settle_overdue(self) -> None:
        while True:
            for mailbox in self._flight.mailboxes():
                await self._settler.settle_overdue(mailbox)
            await self.world.clock.sleep(OVERDUE_EVERY.total_seconds())

    async def _follow_clock(self) -> None:
        await timekeeping.follow(self.world.clock, self._clock_set)

    async def _clock_set(self, step: timedelta) -> None:
        self._rounds.plan_anew()
        for watch in self._watches.values():
            watch.clock_set()
        await self._settler.clock_set(step)
        self._setbacks.clear()

    async def _prune(self) -> None:
        while True:
            await self.world.clock.sleep(PRUNE_EVERY.total_seconds())
            self._setbacks.fade(self.world.clock.now())
            await self.world.ledger.prune(finished_before=self.world.clock.now() - self.settings.explain_for)

    async def _drain(self) -> None:
        until = self.world.clock.now() + DRAIN
        while self.dispatcher.transactions and self.world.clock.now() < until:
            await self.world.clock.sleep(0.05)
