"""Plays a scenario on a laboratory, and writes down what the program said and what HAProxy did meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.balancers.watching import watching
from tests.e2e.patience import eventually, let_pass
from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import Laboratory
from tests.scenarios.balancer import AGENT_PORT, BACKEND, balancer
from tests.scenarios.played import Played
from tests.scenarios.scenario import MEMBERS, Scenario, Scene
from tests.scenarios.times import (
    BACK_WITHIN_SECONDS,
    BUSY_SECONDS,
    DEADLINE_SECONDS,
    GRACE_SECONDS,
    OUT_WITHIN_SECONDS,
    TIMES,
)

LOOK_EVERY_SECONDS = 0.3
UP_WITHIN_SECONDS = 20
SETTLED_SECONDS = DEADLINE_SECONDS + GRACE_SECONDS + 2


def play(scenario: Scenario, lab: Laboratory, home: Path) -> Played:
    """Let the program find all well, break what is to be broken, look on, and repair it where somebody was ejected."""
    lab.reset()
    config = quick_config(lab, home, **TIMES, agent={"listen": f"{lab.hub}:{AGENT_PORT}"})
    played = Played()
    with (
        Program(config, home, settable_clock=scenario.settable_clock) as program,
        balancer(lab, home) as haproxy,
    ):
        _all_called_up(program)
        with watching(haproxy) as seen, _watching(program, played):
            played.balancer = seen[BACKEND]
            scenario.breaks(Scene(lab, program))
            played.broken = time.monotonic()
            before = {probe["id"] for probe in program.probes()}
            _look_on(played, scenario)
            _await_outcomes(program, played, scenario, before=before)
            if scenario.down:
                _repair(played, scenario, lab)
        played.unbalanced = list(program.metrics().unbalanced())
    return played


def _look_on(played: Played, scenario: Scenario) -> None:
    """Look on until those are out who have to be; where nobody has to be, for as long as the promise lasts.

    Who cannot be reached is out before the deadline shows that mail is lost, and the fault of the others is told.
    """
    if not scenario.down:
        let_pass(OUT_WITHIN_SECONDS + scenario.patience_seconds)
        return
    _until(
        lambda: (
            played.down_together == played.balancer.most_out == scenario.most_down
            and (played.shared_fault or not scenario.shared_fault)
        ),
        within_seconds=OUT_WITHIN_SECONDS + scenario.patience_seconds + BUSY_SECONDS,
    )


def _repair(played: Played, scenario: Scenario, lab: Laboratory) -> None:
    """Take the fault back, and look on until HAProxy leads mail to everybody."""
    played.repairing = time.monotonic()
    lab.dovecot.start()
    for name in scenario.down:
        lab.member(name).heal()
    played.repaired = time.monotonic()
    _until(
        lambda: not played.balancer.out_now,
        within_seconds=BACK_WITHIN_SECONDS + scenario.patience_seconds + BUSY_SECONDS,
    )


def _until(question: Callable[[], bool], *, within_seconds: float) -> None:
    """Wait for something that is judged later, whether or not it came in time."""
    give_up = time.monotonic() + within_seconds
    while not question() and time.monotonic() < give_up:
        let_pass(0.1)


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

    _until(complete, within_seconds=SETTLED_SECONDS)


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
