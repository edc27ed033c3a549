"""Running the real programs that recipes are for."""

import os
import shutil
import subprocess
from pathlib import Path


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program, which must be there."""
    found = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{command[0]} is missing: run, as root, sh tests/lab/install.sh"
    return subprocess.run([found, *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
