"""What it costs to weigh the probes of a round against each other; by `python -m bench.evidence`. Nothing is sent."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click

from bench.report import Figure, conclude, milliseconds
from probe.engine.evidence import Evidence
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Judgement, Probe, Record, Sending
from probe.model.reply import Ending
from probe.model.settings import Route

MEMBERS = (100, 1_000, 10_000)
ROUNDS = 10
"""Longer than anything is remembered; the dearest round counts."""
GOALS = {100: 0.01, 1_000: 0.01, 10_000: 0.10}
"""Share of a core, by members."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROUTE = Route(
    name="inbound",
    pool="vip",
    mailbox="monitor",
    sender="probe@bench.test",
    recipient="monitor@bench.test",
    bounces="monitor",
    interval=timedelta(seconds=60),
    deadline=timedelta(minutes=5),
)
TOOK = {
    Outcome.DELIVERED: timedelta(milliseconds=30),
    Outcome.UNREACHABLE: timedelta(seconds=10),
    Outcome.MISSING: ROUTE.deadline,
}
"""How long after its start a probe that ends so has finished."""

Story = Callable[[int], Outcome]
"""How the probes of a member end, by its number."""

STORIES: dict[str, Story] = {
    "all healthy": lambda number: Outcome.DELIVERED,
    "20 % frozen": lambda number: Outcome.DELIVERED if number % 5 else Outcome.UNREACHABLE,
    "total outage": lambda number: Outcome.MISSING,
    "mixed outage": lambda number: Outcome.MISSING if number % 2 else Outcome.UNREACHABLE,
}


@click.command()
@click.option("--rounds", default=ROUNDS, show_default=True, help="How many rounds of 60 s to simulate in each case.")
def main(rounds: int) -> None:
    """Give the evidence the probes of many rounds as they would finish, and take the CPU time of the dearest."""
    figures = [
        figure
        for members in MEMBERS
        for name, story in STORIES.items()
        for figure in _figures(f"{members:,} members, {name}", members, story, rounds)
    ]
    sys.exit(conclude("Evidence: CPU of a round of 60 s, the dearest; and of the first success after it", figures))


def _figures(name: str, members: int, story: Story, rounds: int) -> Iterator[Figure]:
    evidence = Evidence({ROUTE.name: ROUTE}, needed=5)
    records = _as_they_finish(members, story, rounds)
    dearest = max(_cpu_seconds(evidence, records[start : start + members]) for start in range(0, len(records), members))
    share, goal = dearest / ROUTE.interval.total_seconds(), GOALS[members]
    yield Figure(name, f"{dearest:.3f} s, {share:.2%}", goal=f"< {goal:.0%} of a core", met=share < goal)
    if story(0) is not Outcome.DELIVERED and story(1) is not Outcome.DELIVERED:
        began = max(record.probe.started for record in records)
        first_success = _record(members, Outcome.DELIVERED, began)
        yield Figure("  its end", milliseconds(_cpu_seconds(evidence, [first_success])))


def _as_they_finish(members: int, story: Story, rounds: int) -> list[Record]:
    distance = ROUTE.interval / members
    records = [
        _record(number, story(number), NOON + turn * ROUTE.interval + number * distance)
        for turn in range(rounds)
        for number in range(members)
    ]
    return sorted(records, key=lambda record: record.finished or NOON)


def _cpu_seconds(evidence: Evidence, records: list[Record]) -> float:
    began = time.process_time()
    for record in records:
        evidence.add(record)
    return time.process_time() - began


def _record(number: int, outcome: Outcome, started: datetime) -> Record:
    probe = Probe(
        id=f"probe-{number}",
        instance="bench",
        pool=ROUTE.pool,
        member=f"mta{number}",
        route=ROUTE.name,
        mailbox=ROUTE.mailbox,
        bounces=ROUTE.mailbox,
        slot=number,
        endpoint="127.0.0.1:25",
        expected=ROUTE.expect,
        started=started,
        deadline=started + ROUTE.deadline,
        late_until=started + ROUTE.late_until,
    )
    return Record(
        probe,
        attempts=1,
        sending=Sending(Ending.ACCEPTED, Stage.BODY, "250 accepted"),
        judgement=Judgement(outcome, f"it was {outcome}"),
        finished=started + TOOK[outcome],
    )


if __name__ == "__main__":
    main()
