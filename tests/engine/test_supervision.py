"""One owner of all tasks."""

import gc
import warnings

from probe.engine.ledger_state import LedgerState
from probe.engine.supervision import Supervisor
from tests.engine.scene import Scene, on_scene


@on_scene
async def test_what_was_spawned_at_the_very_end_is_let_go_in_silence(scene: Scene) -> None:
    begun = []

    async def late() -> None:
        begun.append(True)

    supervisor = Supervisor(LedgerState(scene.told.append), clock=scene.clock)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with supervisor.supervising():
            supervisor.spawn(late())
        gc.collect()

    assert begun == []
    assert [str(warning.message) for warning in warned] == []
