"""What tests of the bench share: a machine whose limits are known, and no waiting."""

import pytest

from striate.runtime.limits import Limits


@pytest.fixture
def limits():
    """Return what a machine might do on one thread."""
    return Limits(1, gflops=100.0, gigabytes=20.0)
