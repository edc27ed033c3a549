"""Which side a shared fault is on, when the same members send to more than one mailbox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from probe.model.blame import Finished
from probe.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Standing:
    """How the members of a pool fare on one route, by the latest probe of each that somebody can tell of."""

    route: str
    mailbox: str
    latest: Sequence[Finished]


def side(failing: Standing, others: Iterable[Standing]) -> str | None:
    """Say, in one sentence, on which side of the members they fail alike; None where nothing else shows it.

    Only what happens to accepted messages is divided so, and only messages count that were sent since it began: those
    from before it prove nothing about it.
    """
    if not failing.latest or any(probe.outcome not in _AFTER_ACCEPTANCE for probe in failing.latest):
        return None
    began = min(probe.started for probe in failing.latest)
    told = [_since(began, other) for other in others if other.mailbox != failing.mailbox]
    for other in told:
        if other.latest and all(probe.outcome in _ARRIVED for probe in other.latest):
            return (
                f"by way of the same members mail arrives in the mailbox {other.mailbox} (route {other.route}): "
                f"look at the mailbox {failing.mailbox} and at the way to it, not at the members"
            )
    if alike := [other for other in told if other.latest and _none_arrived(other)]:
        mailboxes = " and ".join(sorted({failing.mailbox, *(other.mailbox for other in alike)}))
        return f"no mail arrives in any of the mailboxes {mailboxes}: look at the members and at what they share"
    return None


def _none_arrived(standing: Standing) -> bool:
    return not any(probe.outcome in _ARRIVED for probe in standing.latest)


def _since(began: datetime, other: Standing) -> Standing:
    return Standing(other.route, other.mailbox, [probe for probe in other.latest if probe.started >= began])


_ARRIVED = frozenset({Outcome.DELIVERED, Outcome.JUNKED, Outcome.ALTERED, Outcome.MISROUTED})
_AFTER_ACCEPTANCE = frozenset({Outcome.MISSING, Outcome.BOUNCED})
