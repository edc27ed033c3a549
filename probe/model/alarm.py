"""Alarms: what is wrong now that somebody has to know of, and what of that has lasted long enough to be told."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class AlarmKind(StrEnum):
    """What is wrong, by the name of the alert in dashboards/alerts.yaml that says the same."""

    MEMBER_DOWN = "MailflowMemberDown"
    VERDICT_GUARDED = "MailflowVerdictGuarded"
    SHARED_FAULT = "MailflowSharedFault"
    MAILBOX_UNREADABLE = "MailflowMailboxUnreadable"
    LEDGER_FAILS = "MailflowLedgerFails"


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said of every alarm of a kind."""

    severity: str
    summary: str


WORDINGS = {
    AlarmKind.MEMBER_DOWN: Wording("warning", "A member is called down."),
    AlarmKind.VERDICT_GUARDED: Wording("warning", "Members fail, and are kept in service all the same."),
    AlarmKind.SHARED_FAULT: Wording("critical", "A route works by way of no member of its pool."),
    AlarmKind.MAILBOX_UNREADABLE: Wording(
        "warning", "A mailbox cannot be read, so nobody can tell whether its mail arrives."
    ),
    AlarmKind.LEDGER_FAILS: Wording("critical", "The ledger of the probe does not work, so nothing is sent."),
}

Labels = tuple[tuple[str, str], ...]
"""Names and values; all of them from the config, or names of members."""


@dataclass(frozen=True, slots=True)
class AlarmKey:
    """One thing that may be wrong."""

    kind: AlarmKind
    labels: Labels

    @property
    def page(self) -> str | None:
        """Return the member or pool that it speaks of, as the path below /health has it."""
        named = dict(self.labels)
        return "/".join(named[label] for label in ("pool", "member") if label in named) or None


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong, or was."""

    key: AlarmKey
    reason: str
    since: datetime | None = None
    """None where it is not known: since it was first noticed."""
    over: datetime | None = None
    """When it was no longer wrong."""


DOUBTED = timedelta(days=1)
"""So long something goes on being wrong while nobody can tell; then it is over: nothing is to stay open for ever."""


class Lasting:
    """Tell what has lasted: a change counts when it has stood for a while, in both directions.

    That nobody can tell any more is no change: what was wrong goes on, and what was not does not begin.
    """

    def __init__(self, after: timedelta) -> None:
        self._after = after
        self._noticed: dict[AlarmKey, datetime] = {}
        self._gone: dict[AlarmKey, datetime] = {}
        self._doubted: dict[AlarmKey, datetime] = {}
        self._known: dict[AlarmKey, Alarm] = {}

    @property
    def known(self) -> Mapping[AlarmKey, Alarm]:
        """Return what has lasted, and what of it is over and was not forgotten."""
        return self._known

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """Take up what had lasted before a restart."""
        self._known |= {alarm.key: alarm for alarm in alarms}

    def hear(
        self, alarms: Iterable[Alarm], *, now: datetime, in_doubt: Callable[[AlarmKey], bool] = lambda _: False
    ) -> Mapping[AlarmKey, Alarm]:
        """Hear all that is wrong now; return what is known then.

        ``in_doubt`` tells whether nobody can tell if something still is that was wrong.
        """
        present = {alarm.key: alarm for alarm in alarms}
        lasting = {key for key, alarm in self._known.items() if alarm.over is None}
        self._noticed = {key: self._noticed.get(key, now) for key in present}
        missing = lasting - present.keys()
        # Not of what was well in between: when it went, there was no doubt.
        doubts = (key for key in missing if key not in self._gone and in_doubt(key))
        self._doubted = {key: self._doubted.get(key, now) for key in doubts}
        goes_on = {key for key, since in self._doubted.items() if abs(now - since) < DOUBTED}
        self._gone = {key: self._gone.get(key, now) for key in missing - goes_on}
        for key, alarm in present.items():
            # The earlier one: a clock that ran ahead may have been set back.
            since = min(alarm.since or self._noticed[key], self._noticed[key])
            if key in lasting or now - since >= self._after:
                self._known[key] = replace(alarm, since=self._known[key].since if key in lasting else since)
        for key, gone in self._gone.items():
            if now - gone >= self._after:
                self._known[key] = replace(self._known[key], over=gone)
        return self._known

    def forget(self, key: AlarmKey) -> None:
        """Let go of what is over."""
        self._known.pop(key, None)
