"""Digits and pictures few enough to be learnt from in a moment."""

import numpy as np
import pytest

from striate.training import data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the tests of one recipe keep their runs."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def few():
    """Digits of 8x8, 120 to train on and 40 to test."""
    whole = data.load("digits")
    return data.Dataset(
        "few",
        whole.train_images[:120],
        whole.train_labels[:120],
        whole.test_images[:40],
        whole.test_labels[:40],
        whole.classes,
    )


@pytest.fixture(scope="session")
def colour_pictures():
    """Pictures of noise, 40 to train on and 20 to test, in the shape of CIFAR-10's."""
    rough = np.random.default_rng(0).normal(128, 60, (60, 3, 34, 34))
    smooth = (rough[..., :-2, :-2] + rough[..., 1:-1, 1:-1] + rough[..., 2:, 2:]) / 3
    images = np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    labels = np.arange(60) % 10
    names = tuple(f"class {i}" for i in range(10))
    return data.Dataset("noise", images[:40], labels[:40], images[40:], labels[40:], names)
