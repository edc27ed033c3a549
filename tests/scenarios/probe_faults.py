"""Faults of the probe itself: its process is killed or stands still, its clock is set."""

from datetime import timedelta

from tests.e2e.patience import let_pass
from tests.scenarios.scenario import Break, Scene

STANDS_STILL_SECONDS = 4.0


def killed_and_started_again(scene: Scene) -> None:
    """End the program where it stands, and start it again."""
    scene.program.kill()
    scene.program.start()


def frozen_for_a_while(scene: Scene) -> None:
    """Stop the program with SIGSTOP for longer than a deadline, and let it go on."""
    scene.program.freeze()
    let_pass(STANDS_STILL_SECONDS)
    scene.program.thaw()


def clock_set(by: timedelta) -> Break:
    """Set the program's wall clock."""
    return lambda scene: scene.program.set_clock(by)
