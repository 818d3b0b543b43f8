"""A network and data small enough to train in a moment."""

import numpy as np
import pytest

from striate.network import Builder, Network
from striate.network.operators import Dropout, Relu, ScaledTanh


@pytest.fixture
def tiny():
    """An untrained network of (N, 1, 6, 6) images in three classes."""
    b = Builder("tiny", (None, 1, 6, 6))
    x = b.add(ScaledTanh(), b.conv(b.input, "conv", channels=4, kernel=3, stride=2), name="tanh")
    return Network(b.graph(b.linear(x, "scores", features=3)))


@pytest.fixture
def noisy():
    """The same, with batch normalisation and dropout: it keeps statistics and draws numbers."""
    b = Builder("noisy", (None, 1, 6, 6))
    x = b.batch_norm(b.conv(b.input, "conv", channels=4, kernel=3, stride=2), "norm")
    x = b.add(Dropout(0.3), b.add(Relu(), x, name="relu"), name="drop")
    return Network(b.graph(b.linear(x, "scores", features=3)))


@pytest.fixture
def stripes():
    """60 noisy images, (N, 1, 6, 6): rows lit, columns lit, or neither."""
    random = np.random.default_rng(0)
    images = random.uniform(-1, 0, (60, 1, 6, 6)).astype(np.float32)
    labels = np.arange(60) % 3
    images[labels == 0, :, ::2] += 1
    images[labels == 1, :, :, ::2] += 1
    return images, labels
