"""The one place that decides what a probe proved."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from probe.model.failures import failure
from probe.model.findings import Findings
from probe.model.letter import Folder, Sighting
from probe.model.outcome import Outcome
from probe.model.probe import Judgement, Record, Sending
from probe.model.reply import Ending

GRACE = timedelta(seconds=5)
"""How long after a deadline a mailbox that cannot be read is waited for, before nobody can tell."""
LEFT_TO_ITS_SENDER = 2 * GRACE
"""How long after its deadline a probe is left to the instance that sent it, by those that share its ledger."""


def judge(
    record: Record, *, now: datetime, watched_until: datetime | None, blind: str | None = None
) -> Judgement | None:
    """Say how a probe ended, or None while it is in flight.

    ``watched_until`` is when the last reading of all folders of its mailbox began that was then completed;
    ``blind`` why its mailbox cannot be read, if that is known.
    """
    if record.probe.only_asks:
        return _answered(record, now)
    if record.arrival:
        return _with_acceptance(record, _arrived(record.arrival, record.probe.deadline))
    if record.bounce:
        # After the deadline, too: that it was given up is certain, whoever looked when.
        return Judgement(Outcome.BOUNCED, str(record.bounce.report))
    if record.next_attempt and now < record.probe.deadline:
        return None
    if record.sending and (failed := _failed(record.sending)):
        return failed
    return _not_seen(record, now, watched_until, blind)


def is_left_to_its_sender(record: Record, *, now: datetime) -> bool:
    """Tell whether it is still for the instance that sent a probe to close it, not for one that shares its ledger.

    What was found decides at once, whoever found it; but not while an attempt goes on: how that ends is told with it.
    """
    found = record.sending and (record.arrival or record.bounce)
    return not found and now <= record.probe.deadline + LEFT_TO_ITS_SENDER


def disturbed(step: timedelta) -> Judgement:
    """Say how a probe ended whose deadline lost its meaning, because the wall clock was set while it was in flight."""
    return Judgement(Outcome.UNKNOWN, f"{_CLOCK} by {step.total_seconds():.1f} s while it was in flight")


def clock_was_set(reason: str) -> bool:
    """Tell whether nobody can tell of a probe because the wall clock was set."""
    return reason.startswith(_CLOCK)


def mailbox_was_unreadable(reason: str) -> bool:
    """Tell whether nobody can tell of a probe because its mailbox was not read."""
    return reason.startswith((_BLIND, _LATE))


_CLOCK = "the wall clock was set"
_BLIND = "its mailbox could not be read after the deadline"
_LATE = "it was found after the deadline, but the mailbox had not been read at the deadline"


def _arrived(arrival: Sighting, deadline: datetime) -> Judgement:
    if arrival.seen > deadline:
        # Nobody looked between the last reading before the deadline and this one.
        return Judgement(Outcome.UNKNOWN, _LATE)
    where = f"it was seen in the {_FOLDERS[arrival.place.folder]} before the deadline"
    found = arrival.findings
    altered = f", but its body is not the one sent: {found.altered}" if found.altered else ""
    # The way comes first: by a wrong one, whatever else happened happened to a message that had no business there.
    if found.misrouted:
        return Judgement(Outcome.MISROUTED, f"{where}, but {found.misrouted}{altered}")
    match arrival.place.folder:
        case Folder.INBOX if altered:
            return Judgement(Outcome.ALTERED, where + altered)
        case Folder.INBOX:
            return Judgement(Outcome.DELIVERED, where)
        case Folder.JUNK:
            # Filters rewrite what they take for junk: that is no damage that a member did.
            return Judgement(Outcome.JUNKED, where + altered + _by_filter(found))
        case _:
            assert_never(arrival.place.folder)


_FOLDERS = {Folder.INBOX: "inbox", Folder.JUNK: "junk folder"}
_LONGEST_FIELD = 120


def _by_filter(found: Findings) -> str:
    """Quote the most telling field that a spam filter wrote, if there is one."""
    if not found.spam:
        return ""
    field = found.spam[0]
    return f"; its header says {field if len(field) <= _LONGEST_FIELD else field[: _LONGEST_FIELD - 1] + '…'}"


def _with_acceptance(record: Record, judgement: Judgement) -> Judgement:
    """Say when the message was taken, where that took more than one attempt."""
    took = record.acceptance_time
    if took is None or record.attempts < 2:
        return judgement
    late = f"accepted at attempt {record.attempts}, {took.total_seconds():.1f} s after it was started"
    return replace(judgement, reason=f"{judgement.reason}; {late}")


def _answered(record: Record, now: datetime) -> Judgement | None:
    """Say what asking came to: as soon as there is an answer, for nothing was sent that could arrive."""
    due = now >= record.probe.deadline
    if record.next_attempt and not due:
        return None
    if record.sending is None:
        # Before the deadline another process may still be asking.
        return Judgement(Outcome.UNKNOWN, "asking was cut off") if due else None
    if record.sending.ending is Ending.ACCEPTED:
        return Judgement(Outcome.ACCEPTED, record.sending.reason)
    return _failed(record.sending)


def _failed(sending: Sending) -> Judgement | None:
    """Return the outcome of a sending that the mailbox has nothing to say about."""
    failed = failure(sending)
    return Judgement(failed.outcome, sending.reason) if failed and failed.outcome else None


def _not_seen(record: Record, now: datetime, watched_until: datetime | None, blind: str | None) -> Judgement | None:
    deadline = record.probe.deadline
    if watched_until and watched_until > deadline:
        return _with_acceptance(record, _absent(record.sending))
    if now > deadline + GRACE:
        cause = f": {blind}" if blind else ""
        return Judgement(Outcome.UNKNOWN, f"{_BLIND}{cause}")
    return None


def _absent(sending: Sending | None) -> Judgement:
    if sending is None:
        return Judgement(Outcome.UNKNOWN, "sending it was cut off, and it was not in the mailbox")
    if sending.ending is Ending.IN_DOUBT:
        return Judgement(
            Outcome.UNKNOWN,
            f"the reply to the final dot was never seen ({sending.reason}), and it was not in the mailbox",
        )
    return Judgement(Outcome.MISSING, "it was accepted, and was not in the mailbox after the deadline")
