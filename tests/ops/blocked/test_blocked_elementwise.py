from __future__ import annotations

import math

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.ops.blocked.elementwise import (
    add,
    clip,
    copy,
    multiply,
    scale_shift,
    sigmoid,
    tanh,
)

SHAPES = [(2, 5, 7), (1, 33, 1, 1), (2, 17, 3, 5), (1, 3, 30, 70), (2, 20, 2, 3, 4), (1, 1, 2100)]
SIDES = [((0, 0), (0, 0)), ((1, 1), (0, 0)), ((2, 1), (1, 2))]
INF = math.inf


def numbers(*shape):
    x = np.random.default_rng(sum(shape)).normal(scale=3, size=shape).astype(np.float32)
    x.flat[:3] = [np.nan, np.inf, -np.inf][: x.size]
    return x


@pytest.fixture
def through(target, run, put, get, value):
    """Return what runs a kernel on arrays, with these paddings of values and result."""

    def through(task, *arrays, sides=((0, 0), (0, 0))):
        (before, after), (out_before, out_after) = sides
        values = [
            value(f"x{i}", target, a.shape, before, after, among=(i, 1 - i))
            for i, a in enumerate(arrays)
        ]
        result = value("y", target, arrays[0].shape, out_before, out_after, among=(0, 1))
        buffers = {v.buffer: put(v.layout, a) for v, a in zip(values, arrays, strict=True)}
        buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
        run(task(target, *values, result), buffers)
        return get(result.layout, buffers["y"])

    return through


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_sums_and_products_are_clipped(through, shape, sides):
    a, b = numbers(*shape), np.roll(numbers(*shape), 5)
    total = through(lambda t, *v: add(t, *v, 0.0, 6.0), a, b, sides=sides)
    np.testing.assert_array_equal(total, np.clip(a + b, 0, 6))
    product = through(lambda t, *v: multiply(t, *v), a, b, sides=sides)
    np.testing.assert_array_equal(product, a * b)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_single_pixels_multiply_all_of_an_image(through, shape, sides):
    a = numbers(*shape)
    b = numbers(*shape[:2], *(1 for _ in shape[2:]))
    product = through(lambda t, *v: multiply(t, *v, -2.0, 2.0), a, b, sides=sides)
    np.testing.assert_array_equal(product, np.clip(a * b, -2, 2))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_channels_are_scaled_and_shifted(through, whole, shape, sides):
    x, scale, shift = whole(*shape), whole(shape[1]), whole(shape[1])
    y = through(lambda t, *v: scale_shift(t, *v, scale, shift, 0.0, INF), x, sides=sides)
    each = (-1, *(1 for _ in shape[2:]))
    expected = np.maximum(x * scale.reshape(each) + shift.reshape(each), 0)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_values_are_copied_and_clipped(through, shape, sides):
    x = numbers(*shape)
    np.testing.assert_array_equal(through(copy, x, sides=sides), x)
    clipped = through(lambda t, *v: clip(t, *v, -1.0, 2.0), x, sides=sides)
    np.testing.assert_array_equal(clipped, np.clip(x, -1, 2))


def test_shapes_must_agree(target, value):
    a, b = value("a", target, (1, 3, 4, 4)), value("b", target, (1, 3, 4, 5))
    with pytest.raises(ShapeError) as caught:
        add(target, a, b, a, 0.0, 1.0)
    assert str(caught.value) == (
        "values of shapes (1, 3, 4, 5) and (1, 3, 4, 4) do not go together"
    )


@pytest.fixture
def arguments():
    steps = np.concatenate([np.linspace(-110, 110, 30_001), np.linspace(-1, 1, 10_001)])
    tiny = [0.0, -0.0, 1e-45, -1e-40, 1e-30, 3e38, -3e38, np.inf, -np.inf, np.nan]
    return np.concatenate([steps, tiny]).astype(np.float32)[None, None]


def test_tanh_is_accurate_everywhere(through, arguments):
    y = through(lambda t, *v: tanh(t, *v), arguments).ravel()
    expected = np.tanh(arguments.astype(np.float64)).ravel()
    np.testing.assert_allclose(y, expected, rtol=4e-7, atol=0)
    np.testing.assert_array_equal(np.signbit(y[:-1]), np.signbit(expected[:-1]))
    assert list(y[-3:-1]) == [1, -1]


def test_tanh_is_scaled_on_both_sides(through, arguments):
    y = through(lambda t, *v: tanh(t, *v, 1.7159, 2 / 3), arguments)
    expected = 1.7159 * np.tanh(2 / 3 * arguments.astype(np.float64))
    np.testing.assert_allclose(y, expected, rtol=6e-7, atol=1e-44)


def test_sigmoid_is_accurate_everywhere(through, arguments):
    y = through(sigmoid, arguments).ravel()
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-arguments.astype(np.float64))).ravel()
    np.testing.assert_allclose(y, expected, rtol=4e-7, atol=2e-38)
    assert list(y[-3:-1]) == [1, 0]
