"""Fixtures that every test may ask for: the laboratory of real mail servers."""

from collections.abc import Iterator
from contextlib import closing

import hypothesis
import pytest

from tests.lab import LabError, Laboratory

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    """One laboratory for the whole session; with xdist, for each worker."""
    try:
        lab = Laboratory(dns=True)
        lab.start()
    except LabError as error:
        pytest.fail(str(error), pytrace=False)
    with closing(lab):
        yield lab


@pytest.fixture
def lab(laboratory: Laboratory) -> Laboratory:
    """The laboratory with everything running, no faults, no mail; tests that use it are marked `lab`."""
    laboratory.reset()
    return laboratory
