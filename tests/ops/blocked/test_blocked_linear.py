from __future__ import annotations

import math

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.ops.blocked.layout import Place
from striate.ops.blocked.linear import linear

SHAPES = [(10, 30), (1, 1), (3, 16), (7, 100), (33, 2500), (5, 4096), (4, 3)]


@pytest.fixture
def through(target, run):
    """Return what runs a layer on arrays."""

    def through(x, weight, bias, low=-math.inf, high=math.inf):
        n, outer = len(x), len(weight)
        buffers = {"x": np.append(x.ravel(), np.float32(np.nan))}
        buffers["y"] = np.full(n * outer + 1, 7, np.float32)
        task = linear(target, Place("x"), n, weight, bias, Place("y"), low, high)
        run(task, buffers)
        assert buffers["y"][-1] == 7
        return buffers["y"][:-1].reshape(n, outer)

    return through


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("examples", [1, 2, 3, 4, 5, 8, 13])
def test_products_with_rows_of_weights(through, whole, shape, examples):
    x, weight, bias = whole(examples, shape[1]), whole(*shape), whole(shape[0])
    y = through(x, weight, bias)
    np.testing.assert_array_equal(y, x @ weight.T + bias)
    np.testing.assert_array_equal(through(x, weight, None), x @ weight.T)


def test_results_are_clipped_and_nan_stays(through, whole):
    x, weight = whole(5, 37), whole(6, 37)
    x[1, 36], x[2, 0], weight[3, 5] = np.nan, np.inf, -np.inf
    y = through(x, weight, None, 0.0, 6.0)
    with np.errstate(invalid="ignore"):
        products = (x[:, None] * weight).sum(axis=-1)
    np.testing.assert_array_equal(y, np.clip(products, 0, 6))


def test_an_example_gets_the_same_in_any_batch(through):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 2501)).astype(np.float32)
    weight = rng.normal(size=(11, 2501)).astype(np.float32)
    together = through(x, weight, None)
    for one, expected in zip(x, together, strict=True):
        np.testing.assert_array_equal(through(one[None], weight, None)[0], expected)


def test_what_cannot_be_read_in_place_is_refused(target):
    places = Place("x"), Place("y")
    with pytest.raises(ShapeError) as caught:
        linear(target, places[0], 1, np.ones((3, 2)).T, None, places[1], 0.0, 1.0)
    assert str(caught.value) == "weights must be contiguous float32, not float64: copy them first"
    with pytest.raises(ShapeError) as wrong:
        linear(target, places[0], 1, np.ones((2, 3), np.float32), np.ones(3), places[1], 0.0, 1.0)
    assert str(wrong.value) == "bias must have shape (2,), not (3,)"
