"""The limit of open descriptors: a process of its own each, for a limit that was lowered stays so."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
from probe.net.descriptors import allow_many
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_many(128)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize("soft, hard, expected", [(64, 100, 100), (64, 128, 128), (64, 200, 128), (150, 200, 150)])
def test_the_soft_limit_is_raised_as_far_as_is_wanted_and_allowed(soft: int, hard: int, expected: int) -> None:
    program = PROGRAM.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(expected), str(hard)]
