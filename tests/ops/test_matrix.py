"""The product of a few examples with a matrix: exact on whole numbers, whoever computes it."""

import numpy as np
import pytest

from striate import ops
from striate.ops._matrix import MOST_ROWS


@pytest.mark.parametrize("rows", [1, 2, MOST_ROWS, MOST_ROWS + 1])
@pytest.mark.parametrize(("inner", "outputs"), [(1, 1), (7, 33), (64, 31), (129, 70)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_products_are_exact_on_whole_numbers(whole, rows, inner, outputs, dtype):
    x, weight = whole(rows, inner, dtype=dtype), whole(outputs, inner, dtype=dtype)
    bias = whole(outputs, dtype=dtype)
    expected = np.array([[sum(x[n] * weight[o]) for o in range(outputs)] for n in range(rows)])
    np.testing.assert_array_equal(ops.linear(x, weight), expected)
    np.testing.assert_array_equal(ops.linear(x, weight, bias), expected + bias)
    np.testing.assert_array_equal(ops.linear(x[:, ::-1], weight[:, ::-1], bias), expected + bias)
    assert ops.linear(x, weight).dtype == dtype


def test_threads_change_nothing(monkeypatch):
    random = np.random.default_rng(0)
    x = random.standard_normal((3, 4096), np.float32)
    weight = random.standard_normal((500, 4096), np.float32)
    results = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        results.append(ops.linear(x, weight))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    exact = x.astype(np.float64) @ weight.T.astype(np.float64)
    assert np.abs(results[0] - exact).max() < 2e-6 * np.abs(exact).max()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_small_what_is_not_finite_stays(value):
    x = np.ones((2, 40), np.float32)
    x[1, 17] = value
    y = ops.linear(x, np.ones((5, 40), np.float32))
    np.testing.assert_array_equal(y[0], 40)
    np.testing.assert_array_equal(y[1], np.full(5, value))


def test_small_no_examples():
    assert ops.linear(np.ones((0, 4), np.float32), np.ones((5, 4), np.float32)).shape == (0, 5)
