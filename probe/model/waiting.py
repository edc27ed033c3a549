"""How long a deferred probe waits for its next attempt, while its member is remembered for a setback."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from probe.model.probe import Record
from probe.model.retry import last_try
from probe.model.setbacks import Setback, clock_time, lessons, subjects
from probe.model.settings import Route


@dataclass(frozen=True, slots=True)
class Wait:
    """What a retry waits for, as things stand; when a setback is forgotten they stand differently."""

    goes: datetime
    """When it may go."""
    last: datetime
    """How long it can wait: until the last try that its own law would give it.

    The verdict on a dead member must not come later because the member is spared.
    """
    held_back_by: Sequence[Setback] = ()
    """What makes it wait longer than its own law does."""

    def __str__(self) -> str:
        until = f"until {clock_time(self.goes)}"
        if self.goes > self.last:
            until += f", and its own last try was due at {clock_time(self.last)}"
        return "; ".join([until, *map(str, self.held_back_by)])

    @property
    def until(self) -> datetime:
        """Return when it goes, or is left out."""
        return min(self.goes, self.last)

    def over(self, now: datetime) -> bool:
        """Tell whether it goes now."""
        return self.goes <= min(now, self.last)

    def in_vain(self, now: datetime) -> bool:
        """Tell whether it would go too late, and is left out now."""
        return self.goes > self.last <= now


def wait(record: Record, route: Route, standing: Sequence[Setback], *, now: datetime) -> Wait:
    """Say how long a deferred probe waits while these setbacks of its member and recipient stand.

    It goes at once when what stopped it has been forgotten since: that works again.
    """
    assert record.sending is not None
    assert record.next_attempt is not None
    due = record.next_attempt
    taught = lessons(record.sending.ending, record.sending.stage)
    stopped_by = [subject for subject in subjects(route) if taught.get(subject.kind) is False]
    works_again = bool(set(stopped_by) - {setback.subject for setback in standing})
    return Wait(
        goes=max([min(due, now) if works_again else due, *(setback.next_try for setback in standing)]),
        last=last_try(route.retry, attempts=record.attempts, due=due, deadline=record.probe.deadline),
        held_back_by=tuple(setback for setback in standing if setback.next_try > due),
    )
