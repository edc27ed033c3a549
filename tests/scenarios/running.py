"""Plays many scenarios, several at a time, each on one of several laboratories."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from tests.lab import Laboratory
from tests.scenarios.played import Played
from tests.scenarios.playing import play
from tests.scenarios.scenario import Scenario

Watch = Callable[[Scenario, "Played | Exception"], None]


def play_all(
    scenarios: Iterable[Scenario], *, laboratories: int, watch: Watch = lambda scenario, played: None
) -> Mapping[str, "Played | Exception"]:
    """Play every scenario once; what went wrong in playing one is returned in its place."""
    with ExitStack() as undo:
        free: SimpleQueue[Laboratory] = SimpleQueue()
        for _ in range(laboratories):
            free.put(undo.enter_context(Laboratory()))
        pool = undo.enter_context(ThreadPoolExecutor(laboratories))

        def played(scenario: Scenario) -> "Played | Exception":
            result = _played(scenario, free)
            watch(scenario, result)
            return result

        wanted = list(scenarios)
        return dict(zip([each.name for each in wanted], pool.map(played, wanted), strict=True))


def _played(scenario: Scenario, free: "SimpleQueue[Laboratory]") -> "Played | Exception":
    lab = free.get()
    try:
        with tempfile.TemporaryDirectory(prefix="mailflow-scenario-") as home:
            return play(scenario, lab, Path(home))
    except Exception as error:
        return error
    finally:
        free.put(lab)
