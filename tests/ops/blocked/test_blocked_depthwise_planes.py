from __future__ import annotations

import math

import numpy as np
import pytest

from striate.geometry import Window
from striate.ops import convolution_plan
from striate.ops.blocked.depthwise_planes import depthwise_planes, pack, suits_planes
from striate.ops.blocked.layout import Place
from striate.ops.codegen import Target

CASES = [
    ((2, 3, 8, 40), {"kernel": 3, "padding": 1}),
    ((1, 2, 7, 7), {"kernel": 3, "padding": 1}),
    ((1, 3, 14, 14), {"kernel": 3, "padding": 1}),
    ((1, 3, 14, 14), {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 3, 14, 14), {"kernel": 5, "padding": 2}),
    ((1, 3, 9, 39), {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 2, 11, 70), {"kernel": 5, "stride": 2, "padding": 2}),
    ((1, 2, 14, 33), {"kernel": 5, "padding": 2}),
    ((1, 2, 6, 65), {"kernel": 1, "stride": 2}),
    ((1, 4, 9, 45), {"kernel": (2, 3), "stride": (3, 1), "dilation": (2, 3), "padding": (1, 2)}),
    (
        (1, 4, 9, 52),
        {"kernel": (2, 4), "stride": (1, 2), "dilation": 3, "padding": ((0, 1), (9, 5))},
    ),
    ((2, 3, 70), {"kernel": 3, "stride": 2, "padding": "same"}),
    ((1, 2, 1, 16), {"kernel": 3, "padding": 9}),
]
AROUND = 40


@pytest.fixture
def through(target, run):
    """Return what convolves an array that lies among NaN, and checks what is around the result."""

    def through(x, weight, bias, window, low=-math.inf, high=math.inf):
        shape = (*x.shape[:2], *window.output_shape(x.shape[2:]))
        given = np.full(x.size + 2 * AROUND, np.nan, np.float32)
        given[AROUND:-AROUND] = x.ravel()
        made = np.full(math.prod(shape) + 2 * AROUND, np.nan, np.float32)
        ends = Place("x", AROUND), x.shape, Place("y", AROUND)
        task = depthwise_planes(target, *ends, pack(weight, bias), window, low, high)
        run(task, {"x": given, "y": made})
        assert np.isnan(made[:AROUND]).all()
        assert np.isnan(made[-AROUND:]).all()
        return made[AROUND:-AROUND].reshape(shape)

    return through


def expected(x, weight, bias, window):
    plan = convolution_plan(x.shape, weight.shape, window, x.shape[1], "float32", "reference")
    return plan.forward(x, weight, bias)


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
def test_planes_are_convolved_each_with_its_own_kernel(through, whole, shape, case):
    window = Window.parse(**case, rank=len(shape) - 2).at(shape[2:])
    x, weight, bias = whole(*shape), whole(shape[1], 1, *window.kernel), whole(shape[1])
    y = through(x, weight, bias, window)
    np.testing.assert_array_equal(y, expected(x, weight, bias, window))


@pytest.mark.parametrize("width", [14, 37])
def test_bounds_nan_and_infinity(through, whole, width):
    window = Window.parse(3, padding=1, rank=2)
    x, weight = whole(1, 3, 9, width), whole(3, 1, 3, 3)
    x[0, 0, 4, 10], x[0, 1, 0, 0], x[0, 2, 8, -1] = np.nan, np.inf, -np.inf
    y = through(x, weight, None, window, 0.0, 6.0)
    with np.errstate(invalid="ignore"):
        wanted = np.clip(expected(x, weight, None, window), 0, 6)
    np.testing.assert_array_equal(y, wanted)


def test_layers_that_blocks_suit_better():
    avx2, avx512 = Target.named("avx2"), Target.named("avx512")
    three, five, seven = (Window.parse(k, padding=k // 2, rank=2) for k in (3, 5, 7))
    assert suits_planes(avx512, (7, 7), three)
    assert not suits_planes(avx2, (7, 7), three)
    assert suits_planes(avx2, (56, 56), three)
    assert suits_planes(avx512, (56, 56), five)
    assert not suits_planes(avx2, (56, 56), five)
    assert not suits_planes(avx512, (56, 56), seven)
    assert not suits_planes(avx512, (56, 56), Window.parse(3, 3, rank=2))
    assert not suits_planes(avx512, (9, 56, 56), Window.parse(3, rank=3))
