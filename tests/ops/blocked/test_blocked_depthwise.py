from __future__ import annotations

import math

import numpy as np
import pytest

from striate.errors import GeometryError, ShapeError
from striate.geometry import Window
from striate.ops import convolution_plan
from striate.ops.blocked.depthwise import depthwise, pack

CASES = [
    ((2, 5, 8, 10), {"kernel": 3, "padding": 1}),
    ((1, 17, 9, 39), {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 20, 7, 7), {"kernel": 5, "padding": 2}),
    ((1, 8, 15, 33), {"kernel": 5, "stride": 2, "padding": 2}),
    ((1, 33, 14, 14), {"kernel": 7, "padding": 3}),
    ((1, 4, 12, 25), {"kernel": (2, 11), "stride": (1, 2), "padding": ((0, 1), (3, 5))}),
    ((1, 4, 9, 20), {"kernel": (2, 3), "stride": (1, 2), "dilation": (2, 3), "padding": (1, 2)}),
    ((2, 9, 30), {"kernel": 3, "stride": 2, "padding": "same"}),
    ((1, 9, 4, 5, 6), {"kernel": 3, "padding": 1}),
    ((1, 1, 1, 1), {"kernel": 1}),
]


@pytest.fixture
def through(target, run, put, get, value):
    """Return what convolves an array through a depthwise kernel."""

    def through(x, weight, bias, window, extra=0, residual=None, low=-math.inf, high=math.inf):
        spatial = window.output_shape(x.shape[2:])
        most = max(max(pair) for pair in window.paddings) + max(window.strides)
        source = value("x", target, x.shape, most + extra, most, among=(1, 0))
        shape = (*x.shape[:2], *spatial)
        result = value("y", target, shape, extra, 0, among=(0, 1))
        added = value("r", target, shape, 0, extra)
        buffers = {"x": put(source.layout, x), "r": put(added.layout, np.zeros(shape))}
        buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
        if residual is not None:
            buffers["r"] = put(added.layout, residual)
        packed = pack(target, weight, bias)
        more = None if residual is None else added
        run(depthwise(target, source, result, packed, window, low, high, more), buffers)
        return get(result.layout, buffers["y"])

    return through


def expected(x, weight, bias, window):
    plan = convolution_plan(x.shape, weight.shape, window, x.shape[1], "float32", "reference")
    return plan.forward(x, weight, bias)


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
@pytest.mark.parametrize("extra", [0, 1])
def test_channels_are_convolved_each_with_its_own_kernel(through, whole, shape, case, extra):
    window = Window.parse(**case, rank=len(shape) - 2).at(shape[2:])
    x, weight, bias = whole(*shape), whole(shape[1], 1, *window.kernel), whole(shape[1])
    y = through(x, weight, bias, window, extra)
    np.testing.assert_array_equal(y, expected(x, weight, bias, window))


@pytest.mark.parametrize(("shape", "case"), CASES[:3], ids=str)
def test_a_residual_is_added_before_clipping(through, whole, shape, case):
    window = Window.parse(**case, rank=len(shape) - 2).at(shape[2:])
    x, weight = whole(*shape), whole(shape[1], 1, *window.kernel)
    plain = expected(x, weight, None, window)
    residual = 3 * whole(*plain.shape)
    y = through(x, weight, None, window, 1, residual, 0.0, 6.0)
    np.testing.assert_array_equal(y, np.clip(plain + residual, 0, 6))


def test_nan_and_infinity_go_where_their_windows_are(through, whole):
    window = Window.parse(3, padding=1, rank=2)
    x, weight = whole(1, 3, 9, 21), whole(3, 1, 3, 3)
    x[0, 0, 4, 10], x[0, 1, 0, 0], x[0, 2, 8, 20] = np.nan, np.inf, -np.inf
    y = through(x, weight, None, window, low=0.0, high=6.0)
    with np.errstate(invalid="ignore"):
        wanted = np.clip(expected(x, weight, None, window), 0, 6)
    np.testing.assert_array_equal(y, wanted)


def test_what_does_not_fit_is_refused(target, value):
    window = Window.parse(3, padding=1, rank=2)
    packed = pack(target, np.ones((3, 1, 3, 3)), None)
    bare = value("x", target, (1, 3, 6, 6))
    padded = value("x", target, (1, 3, 6, 6), 1, 1)
    with pytest.raises(GeometryError) as caught:
        depthwise(target, bare, bare, packed, window, 0.0, 1.0)
    assert str(caught.value) == (
        "the window reads 1 pixels before and 1 after an image that has 0 and 0"
    )
    with pytest.raises(ShapeError) as wrong:
        depthwise(target, padded, value("y", target, (1, 3, 6, 5)), packed, window, 0.0, 1.0)
    assert str(wrong.value) == "the result must be (1, 3, 6, 6), not (1, 3, 6, 5)"
    with pytest.raises(ShapeError) as other:
        depthwise(target, padded, bare, packed, Window.parse(1, rank=2), 0.0, 1.0)
    lanes = target.lanes
    assert str(other.value) == f"packed weights must be (1, 1, {lanes}), not (1, 9, {lanes})"
