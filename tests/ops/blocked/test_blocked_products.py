from __future__ import annotations

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.ops.blocked.layout import Place
from striate.ops.blocked.products import products

SHAPES = [(1, 3, 5), (7, 64, 48), (50, 17, 33), (9, 1100, 20), (197, 64, 197), (26, 513, 1)]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def multiply(target, run):
    def multiply(a, b, pairs, turned=False, expression=0):
        shape = a.shape[-2], a.shape[-1], b.shape[-1]
        count = int(np.prod([size for size, *_ in pairs]))
        y = np.full(count * shape[0] * shape[2] + 20, np.nan, np.float32)
        right = np.ascontiguousarray(b.swapaxes(-1, -2) if turned else b)
        buffers = {"a": a.ravel(), "b": right.ravel(), "y": y}
        places = Place("a"), Place("b"), Place("y")
        how = {"turned": turned, "expression": expression}
        run(products(target, *places, shape, pairs, **how), buffers)
        assert np.isnan(y[-20:]).all()
        return y[:-20].reshape(-1, shape[0], shape[2])

    return multiply


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_products_of_matrices(multiply, shape, turned):
    rows, inner, columns = shape
    a, b = normal(1, rows, inner), normal(1, inner, columns, seed=1)
    wanted = a.astype(np.float64) @ b
    got = multiply(a, b, (), turned, ("mul", 0, 0.5))
    np.testing.assert_allclose(got, wanted / 2, rtol=1e-5, atol=1e-5 * inner**0.5)


def test_each_pair_has_its_product(multiply):
    a, b = normal(2, 3, 5, 7), normal(3, 7, 4, seed=1)
    got = multiply(a, b, ((2, 105, 0), (3, 35, 28)))
    np.testing.assert_allclose(got.reshape(2, 3, 5, 4), a @ b, rtol=1e-5, atol=1e-5)


def test_more_axes_of_pairs_are_refused(target):
    pairs = ((2, 1, 0),) * 3
    message = "^pairs along 3 axes: at most 2 can be counted$"
    with pytest.raises(ShapeError, match=message):
        products(target, *map(Place, "abc"), (1, 1, 1), pairs)
