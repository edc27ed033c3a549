"""What happens, for whoever listens: in order, in bounded memory, and never waiting for anybody."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from probe.engine.happenings import Ended, Happening, Judged, MembersKnown
from probe.model.verdict import Verdict
from probe.web.views import probe_view, verdict_view

MOST_LISTENERS = 50
REMEMBERED = 1000
"""Events that are kept for those who come back; one has some 700 octets."""
LONGEST_QUEUE = 1000
"""Events that wait for one listener; whoever is further behind has to ask for everything anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are listened for; None is all."""

    pool: str | None = None
    member: str | None = None

    def takes(self, event: "Event") -> bool:
        """Tell whether an event is one of them."""
        return self.pool in (None, event.pool) and self.member in (None, event.member)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, written as it is sent."""

    number: int
    pool: str
    member: str
    frame: bytes


class Listener:
    """One who listens: what waits to be sent to it."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._over = False

    def offer(self, frame: bytes) -> bool:
        """Take what is to be sent next; False if too much waits already."""
        if len(self._waiting) >= LONGEST_QUEUE:
            return False
        self._waiting.append(frame)
        self._news.set()
        return True

    def start_anew(self, frame: bytes) -> None:
        """Forget what waits, and take this in its place."""
        self._waiting.clear()
        self.offer(frame)

    def end(self) -> None:
        """Send what waits, and no more."""
        self._over = True
        self._news.set()

    async def heard(self, longest: float) -> bytes | None:
        """Return what waits, as soon as anything does; empty after so many seconds, None at the end."""
        try:
            async with asyncio.timeout(longest):
                await self._news.wait()
        except TimeoutError:
            return b""
        frames = b"".join(self._waiting)
        self._waiting.clear()
        if not self._over:
            self._news.clear()
        return frames or (None if self._over else b"")


class Events:
    """Tell all who listen of probes that finish and verdicts that change; a Reporter."""

    def __init__(self, run: str) -> None:
        """``run`` names this run of the program: ids of an earlier one lead nowhere."""
        self._run = run
        self._number = 0
        self._remembered: deque[Event] = deque(maxlen=REMEMBERED)
        self._listeners: set[Listener] = set()
        self._members: dict[str, frozenset[str]] = {}

    @property
    def last_id(self) -> str:
        """Return the id of the newest event."""
        return f"{self._run}-{self._number}"

    def __call__(self, happening: Happening) -> None:
        """Tell of what happens."""
        match happening:
            case Ended(record):
                self._publish("probe", record.probe.pool, record.probe.member, probe_view(record))
            case Judged(pool, member, verdict, before) if before is None or _shown(before) != _shown(verdict):
                self._publish("verdict", pool, member, verdict_view(pool, member, verdict, before))
            case MembersKnown(pool, members):
                names = frozenset(member.name for member in members)
                if self._members.get(pool) != names:
                    self.start_anew()
                self._members[pool] = names
            case _:
                pass

    @contextmanager
    def listening(self, wanted: Wanted, *, after: str | None) -> Iterator[Listener]:
        """Listen, from the event with this id on where it is still remembered."""
        listener = Listener(wanted)
        if after is not None:
            self._catch_up(listener, after)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def is_full(self, most: int) -> bool:
        """Tell whether as many listen as may."""
        return len(self._listeners) >= min(most, MOST_LISTENERS)

    def start_anew(self) -> None:
        """Tell all who listen that what they know of pools and members no longer holds."""
        self._number += 1
        self._remembered.clear()
        for listener in self._listeners:
            listener.start_anew(self._resync())

    def end(self) -> None:
        """Let go of all who listen now."""
        for listener in self._listeners:
            listener.end()

    def _publish(self, name: str, pool: str, member: str, data: dict[str, Any]) -> None:
        self._number += 1
        event = Event(self._number, pool, member, _frame(name, self.last_id, data))
        self._remembered.append(event)
        for listener in self._listeners:
            if listener.wanted.takes(event) and not listener.offer(event.frame):
                listener.start_anew(self._resync())

    def _catch_up(self, listener: Listener, after: str) -> None:
        known = _ID.fullmatch(after)
        oldest = self._number - len(self._remembered)
        if known is None or known["run"] != self._run or not oldest <= int(known["number"]) <= self._number:
            listener.start_anew(self._resync())
            return
        for event in self._remembered:
            if event.number > int(known["number"]) and listener.wanted.takes(event):
                listener.offer(event.frame)

    def _resync(self) -> bytes:
        return _frame("resync", self.last_id, {})


_ID = re.compile(r"(?P<run>[0-9a-z]{1,16})-(?P<number>[0-9]{1,15})", re.ASCII)


def _shown(verdict: Verdict) -> tuple[object, ...]:
    """Return what is told of a verdict, but for its evidence: that changes with every probe."""
    return verdict.state, verdict.reason, verdict.since, verdict.guarded, verdict.hold, verdict.maintenance


def _frame(name: str, event_id: str, data: dict[str, Any]) -> bytes:
    # JSON in ASCII is one line, whatever is in it: nothing in it can end the event, or begin another.
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {event_id}\nevent: {name}\ndata: {text}\n\n".encode("ascii")
