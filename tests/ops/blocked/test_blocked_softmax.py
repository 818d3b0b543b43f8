from __future__ import annotations

import numpy as np
import pytest

from striate.ops.blocked.layout import Place
from striate.ops.blocked.softmax import softmax, softmax_of_channels


@pytest.mark.parametrize(
    "shape", [(1, 10), (3, 1), (5, 16), (2, 1000), (7, 37), (51, 2), (9, 4), (35, 8)], ids=str
)
def test_rows_become_shares(target, run, shape):
    x = np.random.default_rng(0).normal(scale=20, size=shape).astype(np.float32)
    x[0, 0] = -np.inf if shape[1] > 1 else 1
    buffers = {"x": x.ravel(), "y": np.full(x.size + 1, 7, np.float32)}
    run(softmax(target, Place("x"), shape, Place("y")), buffers)
    powers = np.exp((x - x.max(axis=1, keepdims=True)).astype(np.float64))
    expected = powers / powers.sum(axis=1, keepdims=True)
    got = buffers["y"][:-1].reshape(shape)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-37)
    assert buffers["y"][-1] == 7


@pytest.mark.parametrize(
    "shape", [(2, 5, 7), (1, 33, 2, 5), (1, 2, 3, 4), (2, 16, 2, 2, 3)], ids=str
)
@pytest.mark.parametrize("sides", [(0, 0), (1, 2)], ids=str)
def test_channels_of_pixels_become_shares(target, run, value, put, get, shape, sides):
    x = np.random.default_rng(0).normal(scale=20, size=shape).astype(np.float32)
    x[0, :, 0, ...] = np.nan
    x[0, 0, 1, ...] = -np.inf
    values = value("x", target, shape, *sides), value("y", target, shape, 1, 0, among=(1, 0))
    buffers = {"x": put(values[0].layout, x)}
    buffers["y"] = np.full(values[1].layout.size, np.nan, np.float32)
    run(softmax_of_channels(target, *values), buffers)
    powers = np.exp((x - x.max(axis=1, keepdims=True)).astype(np.float64))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(get(values[1].layout, buffers["y"]), expected, rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("channels", [1, 4, 10, 33])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_with_nan_or_infinity_are_nan(target, run, channels, bad):
    for place in range(channels):
        x = np.zeros((3, channels), np.float32)
        x[1, place] = bad
        buffers = {"x": x, "y": np.zeros_like(x)}
        run(softmax(target, Place("x"), x.shape, Place("y")), buffers)
        assert np.isnan(buffers["y"][1]).all()
        np.testing.assert_allclose(buffers["y"][[0, 2]], 1 / channels, rtol=1e-6)


def test_rows_of_minus_infinity_are_nan(target, run):
    buffers = {"x": np.full(20, -np.inf, np.float32), "y": np.zeros(20, np.float32)}
    run(softmax(target, Place("x"), (1, 20), Place("y")), buffers)
    assert np.isnan(buffers["y"]).all()
