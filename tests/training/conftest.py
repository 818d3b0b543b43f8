"""A network and data small enough to train in a moment."""

from dataclasses import replace

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


@pytest.fixture
def without_pictures(monkeypatch):
    """Draw no curves, which take most of the time of short runs."""
    monkeypatch.setattr("striate.training.records.draw_curves", lambda *_: b"")
    monkeypatch.setattr("striate.training.events.WRITERS", {})


@pytest.fixture
def require_same():
    """Return require_same(one, other): two results must be the same but for the time they took."""

    def check(one, other):
        assert one.network.weights.keys() == other.network.weights.keys()
        for name, array in one.network.weights.items():
            np.testing.assert_array_equal(array, other.network.weights[name])
        times = {"seconds": 0, "examples_per_second": 0}
        assert [replace(epoch, **times) for epoch in one.history] == [
            replace(epoch, **times) for epoch in other.history
        ]

    return check
