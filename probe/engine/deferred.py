"""Deferred probes from before a restart: they wait until their member is known again."""

from collections.abc import Callable, Sequence

from probe.engine.sending import Path
from probe.model.probe import Record
from probe.model.settings import Member, MemberKey, Settings


class Deferred:
    """Hold the probes that were to be sent again when the probe was stopped."""

    def __init__(self, settings: Settings, *, retry: Callable[[Record, Path], None]) -> None:
        self._settings = settings
        self._retry = retry
        self._waiting: dict[MemberKey, list[Record]] = {}

    def put(self, record: Record) -> None:
        """Take in a probe, if a next attempt is due."""
        if record.next_attempt:
            self._waiting.setdefault((record.probe.pool, record.probe.member), []).append(record)

    def welcome(self, pool: str, members: Sequence[Member]) -> None:
        """Go on with the probes of members that are known now."""
        for member in members:
            for record in self._waiting.pop((pool, member.name), ()):
                route = self._settings.routes.get(record.probe.route)
                # What was begun for another mailbox, or only asked, would go where it is not looked for, or not wanted.
                if route and route.mailbox == record.probe.mailbox:
                    self._retry(record, Path(route, member, self._settings.pools[pool].smtp))
