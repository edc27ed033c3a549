"""What every end-to-end test starts from: the program on the laboratory, quick enough to be watched."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Program
from tests.e2e.quick import quick_config
from tests.lab import Laboratory

Launch = Callable[..., Program]


@pytest.fixture
def launch(lab: Laboratory, tmp_path: Path) -> Iterator[Launch]:
    """Start the program on a config, or on the quick one with something laid over it; it ends with the test."""
    with ExitStack() as running:

        def start(config: dict[str, Any] | None = None, **overrides: Any) -> Program:
            config = config or quick_config(lab, tmp_path, **overrides)
            return running.enter_context(Program(config, tmp_path))

        yield start
