"""Running sums: the same bits as a pass over an image of one number."""

import math

import numpy as np
import pytest

from striate.ops.images.calls import host, run
from striate.ops.images.correlation import separable_pass
from striate.ops.images.edges import Layout, Reach
from striate.ops.images.running import running_sum


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("taps", [1, 2, 7, 31])
def test_they_are_what_passes_find(dtype, taps):
    rng = np.random.default_rng(taps)
    for _ in range(20):
        weights, number = rng.standard_normal(taps).astype(dtype), dtype(rng.standard_normal())
        image, result = np.full((8, 64), number), np.empty((8, 64), dtype)
        name = np.dtype(dtype).name
        reach = Reach(taps // 2, taps - 1 - taps // 2, 0, 0)
        layout = Layout(8, 64, 1, name, name, "nearest", 0.0)
        pair = weights.astype(np.float64), np.ones(1)
        run(separable_pass(layout, reach, [pair], name), image, result)
        np.testing.assert_array_equal(result, running_sum(weights, number, fused=host().fused))


def test_infinity_and_nan_stay():
    weights = np.array([1.0, 2.0], np.float32)
    assert running_sum(weights, math.inf, fused=True) == math.inf
    assert np.isnan(running_sum(weights, math.nan, fused=True))
    assert running_sum(weights, 3e38, fused=True) == math.inf
    assert running_sum(np.array([1e308, 1e308]), 1.5, fused=True) == math.inf
    assert running_sum(np.array([3, -5], np.int16), 7, fused=True) == -14
