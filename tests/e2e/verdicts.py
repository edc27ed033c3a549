"""Watching the verdicts on several members at the same time, as a load balancer does."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.program import Program

LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Answers:
    """What a load balancer was answered about each member, with the moments, by time.monotonic()."""

    given: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def statuses(self, member: str) -> set[int]:
        """Return every status that was answered about a member."""
        return {status for _, status in self.given[member]}

    def first(self, member: str, status: int) -> float | None:
        """Return when a status was first answered about a member."""
        return next((at for at, answered in self.given[member] if answered == status), None)


@contextmanager
def watching(program: Program, members: Sequence[str]) -> Iterator[Answers]:
    """Ask about all members all the time, as long as the block lasts."""
    answers = Answers({member: [] for member in members})
    over = threading.Event()

    def watch(member: str) -> None:
        with program.client() as client:
            while not over.wait(LOOK_EVERY_SECONDS):
                status = client.get(f"/health/vip/{member}").status_code
                answers.given[member].append((time.monotonic(), status))

    watchers = [threading.Thread(target=watch, args=(member,)) for member in members]
    for watcher in watchers:
        watcher.start()
    try:
        yield answers
    finally:
        over.set()
        for watcher in watchers:
            watcher.join()
    assert all(answers.given.values()), "somebody was never answered"
