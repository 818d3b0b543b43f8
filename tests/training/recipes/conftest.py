from __future__ import annotations

import numpy as np
import pytest

from striate.training.data import Dataset


@pytest.fixture(scope="session")
def colour_pictures():
    """Small pictures in colour, of ten classes, as CIFAR-10 has them, made of noise."""
    random = np.random.default_rng(0)
    rough = random.normal(128, 60, (60, 3, 34, 34))
    smooth = (rough[..., :-2, :-2] + rough[..., 1:-1, 1:-1] + rough[..., 2:, 2:]) / 3
    images = np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    labels = np.arange(60) % 10
    names = tuple(f"class {i}" for i in range(10))
    return Dataset("noise", images[:40], labels[:40], images[40:], labels[40:], names)
