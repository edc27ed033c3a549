"""The world of the engine, made by hand: time that only a test moves, a sender, mailboxes and a ledger that obey it."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from probe.ledger.ledger import SqlLedger
from probe.model.letter import Folder, Letter, Place
from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Reply
from probe.model.report import Action, Report
from probe.model.settings import Member, SmtpSettings
from probe.ports import (
    DiscoveryTrouble,
    Found,
    LedgerTrouble,
    MailboxTrouble,
    Mark,
    News,
    Verifier,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

_QUIET_TURNS = 40
"""Turns of the loop after which nothing that was ready is left to run."""


class FakeClock:
    """A Clock whose time stands still until ``advance``; then all that falls due runs, each at its own moment."""

    def __init__(self) -> None:
        self._start = NOON
        self._elapsed = timedelta(0)
        self._set_by = timedelta(0)
        self._timers: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self.outside: list[Callable[[], Awaitable[bool]]] = []
        """What else may be at work, in threads: awaited until it rests before time goes on, and says if it worked."""

    def now(self) -> datetime:
        return self._start + self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        due = self._elapsed + max(timedelta(seconds=seconds), timedelta.resolution)
        heapq.heappush(self._timers, (due, next(self._numbers), future))
        await future

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        waiting = {asyncio.ensure_future(event.wait()), asyncio.ensure_future(self.sleep(seconds))}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    def set_wall(self, by: timedelta) -> None:
        """Set the time of day, as an operator does; who sleeps, sleeps on."""
        self._set_by += by

    def stepped(self) -> timedelta:
        step, self._set_by = self._set_by, timedelta(0)
        self._start += step
        return step

    async def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self._elapsed + timedelta(seconds=seconds)
        await self.rest()
        while self._timers and self._timers[0][0] <= until:
            self._elapsed, _, future = heapq.heappop(self._timers)
            if not future.done():
                future.set_result(None)
                await self.rest()
        self._elapsed = until
        await self.rest()

    async def rest(self) -> None:
        """Let all run that can run now."""
        quiet_turns = 0
        while quiet_turns < _QUIET_TURNS:
            await asyncio.sleep(0)
            waited = [await resting() for resting in self.outside]
            quiet_turns = 0 if any(waited) else quiet_turns + 1


class LedgerOnDemand:
    """A real ledger that fails when told, and says when it rests."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self._at_work = 0
        self._rests = asyncio.Event()
        self._rests.set()
        self.failing: set[str] = set()
        """Names of methods that fail; ``*`` for all."""
        self.calls: list[str] = []
        self.meanwhile: dict[str, Callable[[], Awaitable[None]]] = {}
        """By name of a method, what happens after it was done and before its caller knows."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._ledger, name)

        async def called(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.failing & {name, "*"}:
                raise LedgerTrouble("the disk is full")
            self._at_work += 1
            self._rests.clear()
            try:
                result = await method(*arguments, **named)
                if happens := self.meanwhile.pop(name, None):
                    await happens()
                return result
            finally:
                self._at_work -= 1
                if not self._at_work:
                    self._rests.set()

        return called

    async def resting(self) -> bool:
        """Return when nothing is being written or read, and whether anything was."""
        worked = not self._rests.is_set()
        await self._rests.wait()
        return worked


def attempt(ending: Ending = Ending.ACCEPTED, *, began: datetime = NOON, stage: Stage | None = None) -> Attempt:
    """What a transaction came to, with as much as such an ending has."""
    told = {
        Ending.ACCEPTED: Reply(250, ("queued",), "2.0.0"),
        Ending.REFUSED: Reply(550, ("go away",), "5.7.1"),
        Ending.REFUSED_FOR_NOW: Reply(451, ("try later",), "4.3.0"),
    }.get(ending)
    took = timedelta(milliseconds=100)
    return Attempt(
        ending=ending,
        stage=stage or (Stage.BODY if ending in {Ending.ACCEPTED, Ending.IN_DOUBT} else Stage.MAIL),
        reason=str(told or ending),
        began=began,
        first_byte=began,
        accepted=began + took if ending is Ending.ACCEPTED else None,
        smtp_time=took if told else None,
        reply=told,
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """A call of the sender."""

    at: datetime
    member: str
    envelope: Envelope
    until: datetime
    ready: Callable[[], None]
    """Lets the next message to the member be handed over."""
    settings: SmtpSettings


class FakeSender:
    """A Sender whose members end as their script says, hang while told to, and hand over what they accept."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.closed = False
        """Leave was taken of all members whose connection was kept."""
        self.sent: list[Sent] = []
        self.asked: list[Sent] = []
        self.script: dict[str, list[Ending | tuple[Ending, Stage] | Exception]] = defaultdict(list)
        """Endings by member, the first first; afterwards all is accepted."""
        self.always: dict[str, Ending | tuple[Ending, Stage]] = {}
        self.hanging: dict[str, asyncio.Event] = {}
        """Members that do not answer until their event is set."""
        self.deliver: Callable[[Member, Envelope], None] = lambda member, envelope: None
        """Told of what a member accepted, before its reply."""

    async def send(
        self,
        member: Member,
        envelope: Envelope,
        *,
        settings: SmtpSettings,
        until: datetime,
        ready: Callable[[], None],
    ) -> Attempt:
        began = self._clock.now()
        self.sent.append(Sent(began, member.name, envelope, until, ready, settings))
        ending, stage = self._ending(member.name)
        if ending is Ending.ACCEPTED:
            self.deliver(member, envelope)
        return attempt(await self._hung(member, ending, until), began=began, stage=stage)

    async def close(self) -> None:
        self.closed = True

    async def ask(self, member: Member, envelope: Envelope, *, settings: SmtpSettings, until: datetime) -> Attempt:
        began = self._clock.now()
        self.asked.append(Sent(began, member.name, envelope, until, lambda: None, settings))
        ending, stage = self._ending(member.name)
        return attempt(await self._hung(member, ending, until), began=began, stage=stage or Stage.RCPT)

    async def _hung(self, member: Member, ending: Ending, until: datetime) -> Ending:
        release = self.hanging.get(member.name)
        if release is None:
            return ending
        await self._clock.wait(release, (until - self._clock.now()).total_seconds())
        return ending if release.is_set() else Ending.UNREACHABLE

    def _ending(self, member: str) -> tuple[Ending, Stage | None]:
        script = self.script[member]
        ending = script.pop(0) if script else self.always.get(member, Ending.ACCEPTED)
        if isinstance(ending, Exception):
            raise ending
        return ending if isinstance(ending, tuple) else (ending, None)


@dataclass
class FakeMailbox:
    """A MailboxAccess whose letters appear when told."""

    clock: FakeClock
    name: str = "monitor"
    present: Sequence[Folder] = (Folder.INBOX, Folder.JUNK)
    trouble: dict[Folder | None, MailboxTrouble] = field(default_factory=dict)
    """What is met by readers of a folder; under None, by who asks for the folders."""
    readers: list["FakeReader"] = field(default_factory=list)
    """All that were ever made, the newest last."""
    logins: list[datetime] = field(default_factory=list)
    stored: dict[Folder, dict[str, tuple[datetime, bytes, bytes]]] = field(default_factory=lambda: defaultdict(dict))
    uids: Any = field(default_factory=lambda: count(1))

    async def folders(self) -> Mapping[Folder, str]:
        self.logins.append(self.clock.now())
        if trouble := self.trouble.get(None):
            raise trouble
        return {folder: folder.value for folder in self.present}

    def reader(self, folder: Folder, name: str) -> "FakeReader":
        self.readers.append(FakeReader(self, folder))
        return self.readers[-1]

    def deliver(self, message: bytes, folder: Folder = Folder.INBOX, *, push: bool = True) -> Place:
        """File a message, and tell those who wait for one."""
        uid = str(next(self.uids))
        header, _, body = message.partition(b"\r\n\r\n")
        self.stored[folder][uid] = (self.clock.now(), header + b"\r\n\r\n", body)
        for reader in self.readers:
            if push and reader.folder is folder:
                reader.wake()
        return Place(self.name, folder, 1, uid)

    def of(self, folder: Folder) -> list["FakeReader"]:
        """Return the readers that a folder ever had."""
        return [reader for reader in self.readers if reader.folder is folder]


class FakeReader:
    """A FolderReader of a fake mailbox."""

    pace = timedelta(milliseconds=25)

    def __init__(self, mailbox: FakeMailbox, folder: Folder) -> None:
        self.folder = folder
        self.since: datetime | None = None
        self.readings: list[datetime] = []
        self.waits: list[timedelta] = []
        self.removals: list[Sequence[Place]] = []
        self.slow: asyncio.Event | None = None
        """Readings do not end until it is set."""
        self.keeps: set[str] = set()
        """Numbers of messages that the server will not delete."""
        self.backlog = 0
        """How many slices of older messages are left; each reading after the first takes one."""
        self.is_open = False
        self._mailbox = mailbox
        self._known: set[str] = set()
        self._bell = asyncio.Event()

    async def open(self, mark: Mark | None, *, since: datetime) -> None:
        self._trouble()
        self.is_open, self.since = True, since
        self._known = {uid for uid in self._stored if mark and int(uid) <= mark.uid}

    async def read(self) -> News:
        self.readings.append(self._mailbox.clock.now())
        letters = [self._letter(uid) for uid in self._stored if uid not in self._known]
        if self.slow:
            await self.slow.wait()
        self._trouble()
        self._known |= {letter.place.uid for letter in letters}
        newest = max((int(uid) for uid in self._known), default=0)
        backlog = self.backlog
        self.backlog = max(backlog - 1, 0)
        since = self._mailbox.clock.now() if backlog else None
        return News(letters, Mark(1, newest) if newest else None, len(self._stored), backlog=backlog, since=since)

    async def wait(self, longest: timedelta) -> None:
        self.waits.append(longest)
        await self._mailbox.clock.wait(self._bell, longest.total_seconds())
        self._bell.clear()
        self._trouble()

    def wake(self) -> None:
        self._bell.set()

    async def remove(self, places: Sequence[Place], *, ours: Verifier) -> Sequence[Place]:
        self._trouble()
        self.removals.append(places)
        return [place for place in places if self._removes(place, ours)]

    async def close(self) -> None:
        self.is_open = False

    @property
    def _stored(self) -> dict[str, tuple[datetime, bytes, bytes]]:
        return self._mailbox.stored[self.folder]

    def _removes(self, place: Place, ours: Verifier) -> bool:
        stored = self._stored.get(place.uid)
        if stored is None:
            return True
        if place.uid in self.keeps or not ours(place, *stored[1:]):
            return False
        del self._stored[place.uid]
        return True

    def _letter(self, uid: str) -> Letter:
        _, header, body = self._stored[uid]
        place = Place(self._mailbox.name, self.folder, 1, uid)
        return Letter(place, len(header) + len(body), self._mailbox.clock.now(), None, header, body)

    def _trouble(self) -> None:
        if trouble := self._mailbox.trouble.get(self.folder):
            raise trouble


class FakeReports:
    """A ReportReader that knows what a report tells by the subject of its letter, as ``action status``."""

    async def read(self, letter: Letter) -> Report | None:
        subject = letter.header.decode().partition("Subject: ")[2].partition("\r\n")[0]
        action, _, status = subject.partition(" ")
        return Report(Action(action), status, "mta1.lab.test") if action in set(Action) else None


class FakeFinder:
    """A Finder that answers by its script, and for ever as at its end."""

    def __init__(self, answers: Iterable[Found | DiscoveryTrouble]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def find(self) -> Found:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, DiscoveryTrouble):
            raise answer
        return answer
