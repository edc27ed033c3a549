"""Sending: a member's turn on a route, from the claim in the ledger to the end of an attempt."""

import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from probe.engine.flight import Flight
from probe.engine.happenings import Reporter, Skipped, Started
from probe.engine.ledger_state import LedgerState, written
from probe.engine.patience import Patience
from probe.engine.queues import Queues
from probe.engine.setbacks import Setbacks
from probe.engine.settling import Settler
from probe.model.message import Envelope, body, compose, digest
from probe.model.outcome import Stage
from probe.model.probe import PathKey, Probe, Record
from probe.model.reply import Attempt, Ending
from probe.model.retry import next_attempt
from probe.model.settings import Member, Route, SmtpSettings, TagKey
from probe.model.tag import ID_BYTES, probe_id
from probe.ports import Clock, Enquirer, Ledger, LedgerTrouble, Sender, Tally

T = TypeVar("T")

Ready = Callable[[], None]
"""Tells that the next message to a member may be handed over."""

log = logging.getLogger(__name__)

MOST_AT_ONCE = 5000
"""Transactions that go on at the same time; turns beyond that are skipped."""


@dataclass(frozen=True, slots=True)
class Path:
    """A member on a route, and how it is spoken to."""

    route: Route
    member: Member
    smtp: SmtpSettings

    @property
    def key(self) -> PathKey:
        """Return what it is counted by."""
        return self.member.pool, self.member.name, self.route.name


class Dispatcher:
    """Send probes, one transaction per member at a time; nothing is sent that the ledger does not hold."""

    def __init__(
        self,
        ledger: Ledger,
        sender: Sender,
        enquirer: Enquirer,
        flight: Flight,
        settler: Settler,
        setbacks: Setbacks,
        patience: Patience,
        ledger_state: LedgerState,
        *,
        instance: str,
        key: TagKey,
        clock: Clock,
        report: Reporter,
        expect: Callable[[str], None],
        retry: Callable[[Record, Path], None],
    ) -> None:
        """``retry`` is told of probes that were deferred."""
        self._ledger = ledger
        self._sender = sender
        self._enquirer = enquirer
        self._flight = flight
        self._settler = settler
        self._setbacks = setbacks
        self._patience = patience
        self._ledger_state = ledger_state
        self._instance = instance
        self._key = key
        self._clock = clock
        self._report = report
        self._expect = expect
        self._retry = retry
        self._turns: set[PathKey] = set()
        self._lines: Queues[str] = Queues()
        self._dialled = 0
        self._finishing = False

    @property
    def transactions(self) -> int:
        """Return how many transactions go on."""
        return self._dialled

    @property
    def finishing(self) -> bool:
        """Tell whether no further transaction begins."""
        return self._finishing

    def finish(self) -> None:
        """Begin no further transaction; those that go on come to their end."""
        self._finishing = True

    @asynccontextmanager
    async def alone_with(self, member: Member) -> AsyncIterator[None]:
        """Wait for the member, and keep its turns and retries waiting meanwhile; to ask it something on demand."""
        async with self._dialling(member):
            yield

    async def turn(self, path: Path, slot: int) -> str | None:
        """Send one probe and return its id; None when the turn was skipped, or is somebody else's.

        It is skipped while the turn before of the same route and member goes on. Behind other routes of the member
        it waits: moments never change, so that of two that fall together one would be skipped for ever.
        """
        if path.key in self._turns or self._dialled >= MOST_AT_ONCE:
            await self._skip(path)
            return None
        self._turns.add(path.key)
        try:
            async with self._dialling(path.member) as ready:
                return None if self._finishing else await self._begin(path, slot, ready)
        finally:
            self._turns.discard(path.key)

    async def again(self, record: Record, path: Path, *, may_go: Callable[[], bool]) -> bool:
        """Make the next attempt of a deferred probe, unless its deadline has come; False if it may not go any more.

        That is asked when the member is free: before, others of its probes may have failed.
        """
        async with self._dialling(path.member) as ready:
            if not may_go():
                return False
            if self._finishing or self._clock.now() >= record.probe.deadline:
                return True
            # Before it is taken: what is seen of it meanwhile must not close what is then sent all the same.
            self._flight.sending(record.probe.id, on=True)
            if await self._book(lambda: self._ledger.begin_retry(record.probe.id)):
                await self._attempt(replace(record, sending=None, next_attempt=None), path, ready)
            else:
                await self._book(lambda: self._settler.settle(record.probe))
            return True

    async def _begin(self, path: Path, slot: int, ready: Ready) -> str | None:
        probe = self._probe(path, slot)
        if not await self._claim(probe):
            return None
        await self._attempt(Record(probe), path, ready)
        return probe.id

    async def _attempt(self, record: Record, path: Path, ready: Ready) -> None:
        probe, number = record.probe, record.attempts + 1
        self._flight.put(record)
        self._flight.sending(probe.id, on=True)
        if number == 1:
            self._report(Started(probe))
        self._expect_arrival(probe)
        attempt = await self._send(probe, path, ready)
        if attempt.ending in (Ending.ACCEPTED, Ending.IN_DOUBT):
            self._expect_arrival(probe)
        now, chance = self._clock.now(), random.random()  # noqa: S311 - it spreads load and guards nothing
        # By one and the same chance: a retry that is alone with its member has nobody else to wait for.
        self._patience.learn(path.member, attempt.ending)
        self._setbacks.learn(path.member.key, path.route, attempt, at=now, chance=chance)
        due = next_attempt(attempt, path.route.retry, number=number, now=now, deadline=probe.deadline, chance=chance)
        # In two steps: what fails in the second must not make the first count twice.
        await self._book(lambda: self._settler.attempted(probe, attempt, number=number, next_attempt=due))
        await self._book(lambda: self._settler.settle(probe))
        if due and (deferred := self._flight.get(probe.id)):
            self._retry(deferred, path)

    async def _send(self, probe: Probe, path: Path, ready: Ready) -> Attempt:
        began = self._clock.now()
        smtp = self._patience.applied(path.smtp, path.member)
        try:
            if probe.only_asks:
                asked = Envelope(path.route.sender, path.route.recipient)
                return await self._enquirer.ask(path.member, asked, settings=smtp, until=probe.deadline)
            envelope = compose(path.route, probe, self._key)
            return await self._sender.send(path.member, envelope, settings=smtp, until=probe.deadline, ready=ready)
        except Exception as error:
            log.exception("the probe itself failed", extra={"probe": probe.id, "member": str(path.member)})
            reason = f"the probe itself failed: {type(error).__name__}"
            return Attempt(Ending.NOT_TRIED, Stage.CONNECT, reason, began)

    def _expect_arrival(self, probe: Probe) -> None:
        self._flight.expect(probe.id, since=self._clock.now())
        for mailbox in probe.mailboxes:
            self._expect(mailbox)

    def _probe(self, path: Path, slot: int) -> Probe:
        route, member, now = path.route, path.member, self._clock.now()
        probe = Probe(
            id=probe_id(secrets.token_bytes(ID_BYTES)),
            instance=self._instance,
            pool=member.pool,
            member=member.name,
            route=route.name,
            mailbox=route.mailbox,
            bounces=route.bounces,
            slot=slot,
            endpoint=member.endpoint,
            expected=route.expect,
            started=now,
            deadline=now + route.deadline,
            late_until=now + route.late_until,
            origin=member.origin.words,
            origin_at=member.origin.at,
        )
        return probe if probe.only_asks else replace(probe, body_digest=digest(body(route, probe, self._key)))

    async def _claim(self, probe: Probe) -> bool:
        """Write a probe down before its first byte is sent: the message can arrive before its reply."""
        try:
            claimed = await self._ledger.claim(probe)
        except LedgerTrouble as trouble:
            self._ledger_state.failed(trouble)
            return False
        self._ledger_state.works()
        return claimed

    async def _skip(self, path: Path) -> None:
        self._report(Skipped(*path.key))
        try:
            await self._ledger.count(*path.key, Tally.SKIPPED)
        except LedgerTrouble as trouble:
            self._ledger_state.failed(trouble)

    async def _book(self, write: Callable[[], Awaitable[T]]) -> T:
        return await written(write, self._ledger_state, clock=self._clock)

    @asynccontextmanager
    async def _dialling(self, member: Member) -> AsyncIterator[Ready]:
        """Wait until nobody else talks to the member, nor to another one behind its VIP.

        Gives what lets the next one in before the end.
        """
        async with self._lines.turn(member.endpoint if member.behind_vip else str(member)) as ready:
            self._dialled += 1
            try:
                yield ready
            finally:
                self._dialled -= 1
