"""Setbacks: what is remembered of a member that could not be connected to, and of a recipient that it refused.

As a mail queue remembers dead sites: while one is remembered, retries wait together for its next try, which comes later
and later. Turns never wait: they are the health signal, and count as tries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from probe.model.outcome import Outcome, Stage
from probe.model.probe import Record
from probe.model.reply import Ending
from probe.model.retry import back_off
from probe.model.settings import Retry, Route

LIFETIME = timedelta(days=1)
"""How long after its last failure a setback is remembered at most."""

LONGEST_REASON = 200
"""Characters of what a server said that are remembered."""


class Kind(StrEnum):
    """What a setback is about."""

    CONNECTION = "connection"
    """No SMTP session could be opened with the member."""
    RECIPIENT = "recipient"
    """RCPT was refused, for now or for good."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The member itself, or a recipient that it was asked for by a sender."""

    kind: Kind
    sender: str | None = None
    recipient: str | None = None


CONNECTION = Subject(Kind.CONNECTION)


def subjects(route: Route) -> Sequence[Subject]:
    """Return what can stand in the way of a route's probes at a member; a refusal that is expected cannot."""
    if route.expect in {Outcome.REJECTED, Outcome.DEFERRED}:
        return (CONNECTION,)
    return CONNECTION, Subject(Kind.RECIPIENT, route.sender, route.recipient)


@dataclass(frozen=True, slots=True)
class Setback:
    """Failures in a row, each counting on from the one before."""

    subject: Subject
    reason: str
    """Of the last failure, cut."""
    since: datetime
    """When the first of them was seen."""
    failures: int
    last: datetime
    next_try: datetime
    """No retry is made before."""

    def __str__(self) -> str:
        what = "no session" if self.subject.kind is Kind.CONNECTION else f"{self.subject.recipient} is refused"
        times = "once" if self.failures == 1 else f"{self.failures} times"
        return f"{what} since {clock_time(self.since)}, {times}, last: {self.reason}"


def lessons(ending: Ending, stage: Stage) -> Mapping[Kind, bool]:
    """Return what an attempt teaches: True for what worked, False for what failed, nothing where it did not come to it.

    At ``data`` and later the one recipient had been accepted (RFC 5321 3.3).
    """
    if ending is Ending.NOT_TRIED:
        return {}
    if ending is Ending.ACCEPTED or stage in _PAST_RCPT:
        return {Kind.CONNECTION: True, Kind.RECIPIENT: True}
    if stage in _OPENING:
        return {Kind.CONNECTION: False}
    if stage is Stage.RCPT and ending is not Ending.UNREACHABLE:
        return {Kind.CONNECTION: True, Kind.RECIPIENT: False}
    return {Kind.CONNECTION: True}


def renewed(
    before: Setback | None,
    subject: Subject,
    reason: str,
    *,
    retry: Retry,
    at: datetime,
    chance: float,
    failures: int = 1,
    since: datetime | None = None,
) -> Setback:
    """Return the setback after so many further failures, up to a moment; its next try is never moved forward."""
    failures += before.failures if before else 0
    next_try = at + back_off(retry, failures, chance=chance)
    return Setback(
        subject,
        reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…",
        since=before.since if before else since or at,
        failures=failures,
        last=at,
        next_try=max(next_try, before.next_try) if before else next_try,
    )


def last_tried(record: Record, retry: Retry) -> datetime | None:
    """Return when the last attempt of a probe ended, as nearly as its record tells; None if it does not say how."""
    sending = record.sending
    if sending is None:
        return None
    if sending.accepted:
        return sending.accepted
    if record.next_attempt:
        return record.next_attempt - back_off(retry, record.attempts, chance=0)
    in_doubt = sending.ending is Ending.IN_DOUBT
    return record.probe.started if in_doubt else record.finished


def summary(setbacks: Sequence[Setback]) -> str:
    """Say in one sentence what is remembered of a member, the worst of it in full; empty if nothing is."""
    if not setbacks:
        return ""
    worst = max(setbacks, key=lambda setback: (setback.subject.kind is Kind.CONNECTION, setback.last))
    more = f" (and {len(setbacks) - 1} more)" if len(setbacks) > 1 else ""
    return f"{worst}; no retry before {clock_time(worst.next_try)}{more}"


def clock_time(at: datetime) -> str:
    """Write a moment for a person, in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


_OPENING = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS})
_PAST_RCPT = frozenset({Stage.DATA, Stage.BODY})
