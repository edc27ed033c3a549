"""Ends the servers of a laboratory whose own process was killed, so that none stays behind and holds its ports."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


class Guard:
    """A process of its own that reads which groups run, and outlives us by the moment it takes to end them."""

    def __init__(self, home: Path) -> None:
        # A death signal (PR_SET_PDEATHSIG) would be simpler: Postfix loses it when it changes its user.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, home],
            stdin=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """Have process group `group` ended with us."""
        self._say(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Leave `group` alone from now on: it has ended, and its number may come to belong to somebody else."""
        self._say(f"-{group}\n")

    def close(self) -> None:
        """End every group that is still watched, and remove the directory."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())


def _stand_guard(home: str) -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line.startswith("+") else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    _stand_guard(sys.argv[1])
