from __future__ import annotations

import numpy as np
import pytest

from striate.ops.blocked.layout import Place
from striate.ops.blocked.reducing import KINDS, reduce_axis, reduce_rows

DEFINITIONS = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "norm": np.linalg.norm,
    "squares": lambda x, axis: np.sum(x * x, axis=axis),
}


@pytest.mark.parametrize("kind", DEFINITIONS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 64), (7, 100), (300, 3)], ids=str)
def test_rows_become_elements(target, run, kind, shape):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)
    x[0, 0] = np.nan if shape[0] > 1 else 3
    buffers = {"x": x, "y": np.full(shape[0] + 20, 7, np.float32)}
    run(reduce_rows(target, Place("x"), shape, Place("y"), kind), buffers)
    expected = DEFINITIONS[kind](x, axis=1)
    np.testing.assert_allclose(buffers["y"][: shape[0]], expected, rtol=1e-6, atol=1e-7)
    assert (buffers["y"][shape[0] :] == 7).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 4, 3), (3, 19, 100), (2, 7, 1), (1, 1, 65)], ids=str)
def test_axes_become_elements(target, run, kind, shape):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)
    x[0, 0, 0] = np.nan
    expected = DEFINITIONS[kind](x, axis=1)
    buffers = {"x": x.ravel(), "y": np.full(expected.size + 20, 7, np.float32)}
    run(reduce_axis(target, Place("x"), shape, Place("y"), kind), buffers)
    found = buffers["y"][: expected.size].reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    assert (buffers["y"][expected.size :] == 7).all()
