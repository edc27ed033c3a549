"""The program with a wall clock that can be set while it runs: `python -m tests.e2e.settable_clock FILE run ...`.

FILE holds by how many seconds the clock is off. A library that is preloaded would set the clock of the whole process,
but those that there are disturb the waiting of threads.
"""

import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.cli import main
from probe.net.clock import SystemClock
from probe.wiring import daemon, world


def set_clock(file: Path, by: timedelta) -> None:
    """Set the clock that a file stands for so far from the true time."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(by.total_seconds()))
    fresh.rename(file)


def _run(file: Path) -> None:
    def wall() -> datetime:
        off = 0.0
        with suppress(FileNotFoundError):
            off = float(file.read_text())
        return datetime.now(UTC) + timedelta(seconds=off)

    class SettableClock(SystemClock):
        def __init__(self) -> None:
            super().__init__(wall)

    for module in (daemon, world):
        module.SystemClock = SettableClock  # type: ignore[attr-defined]  # it stands in for the real one
    main()


if __name__ == "__main__":
    _run(Path(sys.argv.pop(1)))
