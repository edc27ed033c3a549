"""Plays a scenario on a laboratory, and writes down what the program said meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import Laboratory
from tests.scenarios.scenario import MEMBERS, MOST_DOWN, Scenario, Scene

INTERVAL_SECONDS = 0.5
DEADLINE_SECONDS = 2.0
FALL = 3
GRACE_SECONDS = 5.0
PROMISE_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
"""From fault to ejection: fall x interval + deadline, and two seconds."""
LOOK_EVERY_SECONDS = 0.3
UP_WITHIN_SECONDS = 20
SETTLED_SECONDS = DEADLINE_SECONDS + GRACE_SECONDS + 2

TIMES = {
    "pools": {"vip": {"smtp": {"timeouts": {"connect": "1s", "reply": "1500ms", "total": "4s"}}}},
    "routes": {"inbound": {"interval": "500ms", "deadline": "2s", "retry": {"attempts": 1}}},
    "health": {"fall": FALL, "stale_after": "1m"},
}


@dataclass
class Played:
    """What was seen while a scenario was played."""

    outcomes: dict[str, set[str]] = field(default_factory=lambda: {member: set() for member in MEMBERS})
    """Of the probes that were started once the fault was there."""
    down: set[str] = field(default_factory=set)
    """Who was called down at any moment."""
    down_together: int = 0
    """How many at the most were called down at the same moment."""
    shared_fault: bool = False
    unbalanced: list[Any] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def wrong(self, scenario: Scenario) -> list[str]:
        """Return what is not as the scenario has it, one sentence each."""
        said = [sentence for member in MEMBERS if (sentence := self._wrong_outcomes(scenario, member))]
        if not self.down <= scenario.down or self.down_together != min(len(scenario.down), MOST_DOWN):
            said.append(f"{sorted(self.down)} were called down, not {sorted(scenario.down)}: {self.reasons}")
        if scenario.shared_fault and not self.shared_fault:
            said.append("no shared fault was told")
        return [*said, *(f"the books do not balance: {path}" for path in self.unbalanced)]

    def _wrong_outcomes(self, scenario: Scenario, member: str) -> str | None:
        expected, seen = scenario.expected(member), self.outcomes[member]
        if expected[0] in seen and seen <= set(expected):
            return None
        return f"the probes of {member} ended as {sorted(seen)}, not as {' or '.join(expected)}"


def play(scenario: Scenario, lab: Laboratory, home: Path) -> Played:
    """Let the program find all well, break what is to be broken, and look on for as long as the promise lasts."""
    lab.reset()
    with Program(quick_config(lab, home, **TIMES), home, settable_clock=scenario.settable_clock) as program:
        _all_called_up(program)
        played = Played()
        with _watching(program, played):
            scenario.breaks(Scene(lab, program))
            before = {probe["id"] for probe in program.probes()}
            let_pass(PROMISE_SECONDS + scenario.patience_seconds)
            _await_outcomes(program, played, scenario, before=before)
        played.unbalanced = list(program.metrics().unbalanced())
    return played


def _all_called_up(program: Program) -> None:
    eventually(
        lambda: program.metrics().total("mailflow_member_state", state="up") == len(MEMBERS),
        within_seconds=UP_WITHIN_SECONDS,
        what="every member to be called up",
    )


def _await_outcomes(program: Program, played: Played, scenario: Scenario, *, before: set[str]) -> None:
    """Wait until each member has an outcome of the expected kind; what else there is stays to be judged."""

    def complete() -> bool:
        for member in MEMBERS:
            played.outcomes[member] = _outcomes(program, member, before)
        return all(scenario.expected(member)[0] in played.outcomes[member] for member in MEMBERS)

    give_up = time.monotonic() + SETTLED_SECONDS
    while not complete() and time.monotonic() < give_up:
        let_pass(LOOK_EVERY_SECONDS)


def _outcomes(program: Program, member: str, before: set[str]) -> set[str]:
    probes = program.probes(member=member)
    return {probe["outcome"] for probe in probes if probe["outcome"] and probe["id"] not in before}


@contextmanager
def _watching(program: Program, played: Played) -> Iterator[None]:
    """Note every verdict and shared fault that is told as long as the block lasts."""
    over = threading.Event()

    def watch() -> None:
        with program.client() as client:
            while not over.wait(LOOK_EVERY_SECONDS):
                try:
                    pools = client.get("/api/v1/pools").json()["pools"]
                    scraped = client.get("/metrics").text
                except httpx.TransportError:  # it is being started again
                    continue
                _note(played, pools, scraped)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _note(played: Played, pools: list[Any], scraped: str) -> None:
    down = {
        member["name"]: member["reason"] for pool in pools for member in pool["members"] if member["verdict"] == "down"
    }
    played.down |= set(down)
    played.down_together = max(played.down_together, len(down))
    played.reasons.update(down)
    faults = [line for line in scraped.splitlines() if line.startswith("mailflow_shared_fault{")]
    played.shared_fault |= any(float(line.rpartition(" ")[2]) == 1 for line in faults)
