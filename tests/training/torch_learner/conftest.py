"""A network with all that training treats differently, and examples for it."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from striate.network import Builder, Network
from striate.network.operators import Dropout, Relu


@pytest.fixture(autouse=True)
def one_thread():
    """Keep PyTorch to one thread: several on a busy machine wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def normed():
    """Make an untrained network with batch normalisation, and with dropout of some rate."""

    def make(rate=0.0):
        b = Builder("normed", (None, 1, 6, 6))
        x = b.conv(b.input, "first", channels=4, kernel=3, stride=2, bias=False)
        x = b.add(Relu(), b.batch_norm(x, "norm"), name="relu")
        x = b.batch_norm(b.conv(x, "second", channels=5, kernel=2, bias=False), "norm2")
        x = b.add(Dropout(rate), x, name="drop")
        return Network(b.graph(b.linear(x, "scores", features=3)))

    return make


@pytest.fixture
def examples():
    """50 images, (N, 1, 6, 6), and their labels: six batches of 8, and one of 2."""
    random = np.random.default_rng(0)
    images = random.standard_normal((50, 1, 6, 6), np.float32)
    return images, random.integers(0, 3, 50)


@pytest.fixture
def torchrun():
    """Return a function that runs a script, or a module, by several processes of one thread."""

    def run(*arguments, processes=2, restarts=0):
        command = (sys.executable, "-m", "torch.distributed.run", "--standalone")
        options = (f"--nproc-per-node={processes}", f"--max-restarts={restarts}")
        return subprocess.run(
            [*command, *options, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return run
