"""What the pages are made of, asked anew for every request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from probe.engine.board import Board
from probe.engine.sending import Path
from probe.model.hold import Hold
from probe.model.settings import MemberKey
from probe.model.spot_check import SpotCheck
from probe.ports import ChangeQuery, Changes, Life, Page, Query
from probe.web.events import Events


class History(Protocol):
    """The part of the ledger that tells of what has been; a Ledger is one."""

    async def probes(self, query: Query) -> Page:
        """Return probes, newest first. Raises LedgerTrouble, and ValueError for a cursor that is none."""

    async def life(self, probe_id: str) -> Life | None:
        """Return a probe with its events and transcripts. Raises LedgerTrouble."""

    async def changes(self, query: ChangeQuery) -> Changes:
        """Return changes of verdicts, newest first. Raises LedgerTrouble, and ValueError for a cursor that is none."""


class Holds(Protocol):
    """What operators say of members."""

    def lasting(self) -> Mapping[MemberKey, Hold]:
        """Return the holds that have not ended."""

    async def hold(self, pool: str, member: str, hold: Hold) -> None:
        """Hold a member, in place of the hold before. Raises LedgerTrouble."""

    async def release(self, pool: str, member: str, *, by: str) -> Hold | None:
        """End the hold on a member; return it, or None where it is under none. Raises LedgerTrouble."""


class Scrape(Protocol):
    """Renders the metrics."""

    async def __call__(self, accept: str, accept_encoding: str, /) -> tuple[bytes, Mapping[str, str]]:
        """Return body and headers for what a scraper accepts."""


Check = Callable[[Path, timedelta], Awaitable[SpotCheck]]
"""Asks a member now, within so long. Raises NoTurn."""

Reload = Callable[[], Awaitable[Sequence[str]]]
"""Loads the config again; returns what is wrong with it, a line each, and then the old one goes on."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from."""

    board: Callable[[], Board]
    begun: Callable[[], Awaitable[None]]
    """Returns once it is known again what was known before the start, or after a moment: at once but for then."""
    history: History
    now: Callable[[], datetime]
    scrape: Scrape
    reload: Reload
    events: Events
    spot_check: Check
    spot_check_text: Callable[[SpotCheck], bytes]
    """Tells a check as a scrape of its own."""
    holds: Callable[[], Holds]
