"""A wall clock of a process that can be set while it runs, by libfaketime; its monotonic clock stays true."""

import sys
from collections.abc import Mapping
from pathlib import Path

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class SettableClock:
    """The clock of one process, held by a file."""

    def __init__(self, file: Path) -> None:
        assert _LIBRARIES, f"{sys.executable} cannot be given a clock of its own: the package libfaketime is missing"
        self._file = file
        self.set("+0")

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what the process has to be started with."""
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, by: str) -> None:
        """Set it so far from the true time, as faketime(1) writes it: ``+1h``, ``-90m``."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{by}\n")
        fresh.rename(self._file)
