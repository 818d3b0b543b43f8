"""Resizing against PyTorch's definition."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.training.data import resize


@given(st.tuples(*[st.integers(1, 20)] * 3), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_it_is_pytorchs_antialiased_bilinear(sizes, seed):
    height, width, size = sizes
    x = np.random.default_rng(seed).uniform(-1, 1, (2, 3, height, width)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.tensor(x), size=(size, size), mode="bilinear", antialias=True
    )
    found = resize(x, size)
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-5)  # its weights are float32
    assert found.dtype == np.float32
    assert x.min() - 1e-6 <= found.min() <= found.max() <= x.max() + 1e-6


def test_enlarging_is_plain_bilinear_by_hand():
    x = np.array([[[[0, 4], [8, 12]]]], np.float32)
    expected = [[0, 1, 3, 4], [2, 3, 5, 6], [6, 7, 9, 10], [8, 9, 11, 12]]
    np.testing.assert_array_equal(resize(x, 4)[0, 0], expected)


def test_bad_input_is_named():
    x = np.zeros((1, 1, 2, 2), np.float32)
    with pytest.raises(ShapeError) as error:
        resize(x[0], 4)
    assert str(error.value) == "resize: images (1, 2, 2) must be (N, C, H, W), not empty"
    with pytest.raises(DTypeError) as error:
        resize(x.astype(np.float64), 4)
    assert str(error.value) == (
        "resize: images are float64, not float32 or uint8: convert with astype"
    )
    for size in (0, -1, 10**9):
        with pytest.raises(ParameterError) as error:
            resize(x, size)
        assert str(error.value) == (
            f"resize: size {size!r} must be a whole number, 1 to 4096 pixels"
        )
