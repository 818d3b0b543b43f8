"""What all tests share: a fresh cache of compiled kernels, and the folder of real data."""

import os
import tempfile
from pathlib import Path

import pytest


def pytest_configure(config):
    """Give the run a new cache folder; workers inherit that of the process that starts them."""
    if not hasattr(config, "workerinput"):
        config.kernel_cache = tempfile.TemporaryDirectory(prefix="striate-tests-")
        os.environ["STRIATE_CACHE"] = config.kernel_cache.name


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder named by STRIATE_DATA, or skip."""
    folder = os.environ.get("STRIATE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("STRIATE_DATA names no folder of data sets")
    return Path(folder)
