"""Patience with members: one that hung is waited for less, until that has been confirmed or refuted."""

from dataclasses import replace

from probe.model.patience import longest_try
from probe.model.reply import Ending
from probe.model.settings import Member, MemberKey, Settings, SmtpSettings

MOST_MEMBERS = 10_000
"""Members whose failed tries are counted; then the one is forgotten that failed longest ago."""


class Patience:
    """Count the tries in a row in which each member could not be reached, and say how long the next may last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failures: dict[MemberKey, int] = {}

    def learn(self, member: Member, ending: Ending) -> None:
        """Take note of how a try ended; one that met nobody, or somebody else, says nothing of the member."""
        if ending in (Ending.NOT_TRIED, Ending.NAMELESS):
            return
        failures = self._failures.pop(member.key, 0)
        if ending is Ending.UNREACHABLE:
            self._failures[member.key] = failures + 1
            if len(self._failures) > MOST_MEMBERS:
                del self._failures[next(iter(self._failures))]

    def applied(self, smtp: SmtpSettings, member: Member) -> SmtpSettings:
        """Return how a member is spoken to at its next try."""
        routes, failures = self._settings.routes_of(member.pool), self._failures.get(member.key, 0)
        longest = longest_try(routes, failures=failures, fall=self._settings.health.fall)
        if longest is None or smtp.timeouts.total <= longest:
            return smtp
        return replace(smtp, timeouts=replace(smtp.timeouts, total=longest))
