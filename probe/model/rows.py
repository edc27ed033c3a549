"""Rows: probes of a member, one after another, that say the same of it; what is enough of a row, and what is not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby, pairwise, takewhile
from operator import or_

from probe.model.blame import Finished, Shown, Weighed, Weight, shows
from probe.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """Probes in a row that say the same, newest first."""

    weight: Weight
    probes: Sequence[Finished]

    def __len__(self) -> int:
        return len(self.probes)

    @property
    def newest(self) -> Finished:
        """Return the newest of them; there is one at least."""
        return self.probes[0]

    @property
    def oldest(self) -> Finished:
        """Return the oldest of them."""
        return self.probes[-1]


@dataclass(frozen=True, slots=True)
class Conviction:
    """A row that is enough to call a member down."""

    row: Row
    """As much of it as is needed."""
    against: int
    """How many there are in all."""
    since: datetime
    """When the probe finished with which it was enough."""


def newest_row(evidence: Sequence[Weighed], silence: timedelta) -> Row | None:
    """Return the newest probes that say the same, without a silence longer than this in between."""
    return next(_rows(evidence, silence), None)


def of_one_route(row: Row) -> Row:
    """Return the part of a row of the route that has most of it.

    A fault that is shared for a moment meets one probe of every route: together they are no row.
    """
    routes = [probe.route for probe in row.probes]
    most = max(routes, key=routes.count)
    return Row(row.weight, [probe for probe in row.probes if probe.route == most])


def convictions(evidence: Sequence[Weighed], *, rise: int, fall: int, silence: timedelta) -> Iterator[Conviction]:
    """Yield the newest rows that are enough to call a member down, the longest first.

    What a route shows again and again is not undone by another one, on which all is well. But no route gets through
    to a member that is dead: so failed connections are a row whatever their routes, else the more of them lead to a
    frozen member, the later it would be known; and connections on whatever route show that it lives again.
    """
    if not any(weight is Weight.AGAINST for _, weight in evidence):
        return
    newest = (newest_row(of_route, silence) for of_route in _by_route(evidence).values())
    rows = [row for row in newest if row and row.weight is Weight.AGAINST and len(row) >= fall]
    rows = [row for row in rows if not (_was_dead(row, evidence) and _reached_since(row, evidence) >= rise)]
    for row in sorted(rows, key=len, reverse=True):
        yield Conviction(Row(row.weight, row.probes[:fall]), len(row), row.probes[-fall].finished)
    if connections := _failed_connections(evidence, fall=fall, silence=silence):
        yield Conviction(connections, len(connections), connections.newest.finished)


def still_failing(evidence: Sequence[Weighed], *, rise: int, fall: int, silence: timedelta, now: datetime) -> bool:
    """Tell whether, on some route, too few have succeeded yet since it was enough to call a member down.

    One that was dead has made that good once it is reached on whatever route. A route on which nobody has been able to
    tell for longer than the silence counts for nothing.
    """
    for of_route in _by_route(evidence).values():
        enough = {Weight.FOR: rise, Weight.AGAINST: fall}
        rows = list(_rows(of_route, silence))
        if rows and abs(now - rows[0].newest.finished) > silence:
            continue
        decisive = next((row for row in rows if len(row) >= enough[row.weight]), None)
        if decisive and decisive.weight is Weight.AGAINST and not _was_dead(decisive, evidence):
            return True
    return False


def steady(others: Iterable[Sequence[Finished]], row: Row) -> bool:
    """Tell whether most other members are of one mind while a row lasts, or begin to fail together with it.

    ``others`` holds, for each, its latest probes. Only the routes of the row are looked at: what fails for all on
    another one for good says nothing of this one. Where most are of two minds, what they share comes and goes, and
    each of them has its unlucky rows. So failures of others count from an interval before the row on, and what works
    for them since its first probe.
    """
    minds = [mind for other in others if (mind := _shown(other, row)) is not None]
    of_two = sum(mind not in (Shown.NOTHING, Shown.ALIKE, Shown.BETTER, Shown.WORKS) for mind in minds)
    return of_two == 0 or 2 * of_two < len(minds)


def _rows(evidence: Sequence[Weighed], silence: timedelta) -> Iterator[Row]:
    speaking = [weighed for weighed in reversed(evidence) if weighed[1] is not Weight.NEITHER]
    for weight, same in groupby(speaking, key=lambda weighed: weighed[1]):
        row = [probe for probe, _ in same]
        for place, (newer, older) in enumerate(pairwise(row), start=1):
            if abs(newer.finished - older.finished) > silence:
                yield Row(weight, row[:place])
                return
        yield Row(weight, row)


def _by_route(evidence: Sequence[Weighed]) -> Mapping[str, list[Weighed]]:
    """Return the evidence of each route apart."""
    routes: dict[str, list[Weighed]] = {}
    for weighed in evidence:
        routes.setdefault(weighed[0].route, []).append(weighed)
    return routes


def _was_dead(row: Row, evidence: Iterable[Weighed]) -> bool:
    """Tell whether nothing got through to the member on any route while a row lasts."""
    first, last = row.oldest.started, row.newest.started
    reached = (probe for probe, _ in evidence if _reached(probe))
    return all(probe.out_of_reach for probe in row.probes) and not any(
        first <= probe.started <= last for probe in reached
    )


def _reached_since(row: Row, evidence: Iterable[Weighed]) -> int:
    return sum(probe.started > row.newest.started for probe, _ in evidence if _reached(probe))


def _reached(probe: Finished) -> bool:
    return probe.outcome not in (Outcome.UNREACHABLE, Outcome.UNKNOWN)


def _failed_connections(evidence: Sequence[Weighed], *, fall: int, silence: timedelta) -> Row | None:
    """Return as many of the newest probes in a row that could not reach the member as are enough, if they are.

    They have to last as long as those of one route would: an outage of a moment meets one probe of every route.
    """
    by_start = sorted(evidence, key=lambda weighed: weighed[0].started, reverse=True)
    told = (weighed for weighed in by_start if weighed[0].outcome is not Outcome.UNKNOWN)
    row: list[Finished] = []
    for probe, weight in takewhile(lambda weighed: weighed[0].outcome is Outcome.UNREACHABLE, told):
        # One that all members share ends it: its edges convict somebody on every route.
        if weight is not Weight.AGAINST or (row and row[-1].started - probe.started > silence):
            return None
        row.append(probe)
        lasted = row[0].started - probe.started
        if len(row) >= fall and lasted >= (fall - 1) * min(each.interval for each in row):
            return Row(Weight.AGAINST, row)
    return None


def _shown(other: Sequence[Finished], row: Row) -> Shown | None:
    """Say what another member shows about a row of failures; None where it has nothing to do with its routes."""
    first = row.oldest
    routes = {probe.route for probe in row.probes}
    told = [(probe, shows(probe, row.newest.outcome)) for probe in other if probe.route in routes]
    failed_since = first.started - first.interval
    counts = (
        shown for probe, shown in told if probe.started >= (first.started if shown is Shown.WORKS else failed_since)
    )
    return reduce(or_, counts, Shown.NOTHING) if told else None
