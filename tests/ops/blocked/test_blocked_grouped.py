from __future__ import annotations

import math

import numpy as np
import pytest

from striate.errors import GeometryError, ShapeError
from striate.geometry import Window
from striate.ops import convolution_plan
from striate.ops.blocked.gathering import plan_gathering
from striate.ops.blocked.grouped import grouped, pack

CASES = [  # shape of x, maps, groups, window
    ((1, 32, 7, 9), 32, 8, {"kernel": 3, "padding": 1}),
    ((2, 40, 6, 5), 40, 5, {"kernel": 3, "padding": 1}),
    ((1, 70, 8, 7), 35, 5, {"kernel": 3, "padding": 1}),
    ((1, 20, 9, 11), 40, 20, {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 9, 6, 30), 33, 3, {"kernel": (5, 3), "padding": (2, 1)}),
    ((1, 72, 4, 6), 72, 3, {"kernel": 1}),
    ((1, 68, 5, 29), 6, 2, {"kernel": 1, "stride": (1, 2)}),
    ((1, 12, 9, 20), 8, 4, {"kernel": (2, 3), "dilation": (2, 3), "padding": (1, 2)}),
    ((1, 6, 5, 25), 4, 2, {"kernel": (2, 11), "stride": (1, 2), "padding": ((0, 1), (3, 5))}),
    ((2, 34, 30), 51, 17, {"kernel": 3, "stride": 2, "padding": "same"}),
    ((1, 24, 4, 5, 6), 24, 6, {"kernel": 3, "padding": 1}),
    ((1, 5, 3, 4), 7, 1, {"kernel": 3, "padding": 1}),
    ((1, 2, 1, 1), 2, 2, {"kernel": 1}),
]


@pytest.fixture
def through(target, run, put, get, value):
    """Return what convolves an array through the kernel for groups."""

    def through(x, weight, bias, groups, window, extra=0, residual=None, bounds=None):
        spatial = window.output_shape(x.shape[2:])
        most = max(max(pair) for pair in window.paddings) + max(window.strides)
        source = value("x", target, x.shape, most + extra, most, among=(1, 0))
        shape = (x.shape[0], len(weight), *spatial)
        result = value("y", target, shape, extra, 0, among=(0, 1))
        added = value("r", target, shape, 0, extra)
        buffers = {"x": put(source.layout, x), "r": put(added.layout, np.zeros(shape))}
        buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
        more = residual
        if residual is not None and residual.shape == shape:
            buffers["r"], more = put(added.layout, residual), added
        packed = pack(target, weight, bias, groups)
        low, high = bounds or (-math.inf, math.inf)
        run(grouped(target, source, result, packed, window, low, high, more), buffers)
        return get(result.layout, buffers["y"])

    return through


def expected(x, weight, bias, groups, window):
    plan = convolution_plan(x.shape, weight.shape, window, groups, "float32", "reference")
    return plan.forward(x, weight, bias)


def made(whole, shape, maps, groups, case):
    window = Window.parse(**case, rank=len(shape) - 2).at(shape[2:])
    return window, whole(*shape), whole(maps, shape[1] // groups, *window.kernel), whole(maps)


@pytest.mark.parametrize(("shape", "maps", "groups", "case"), CASES, ids=str)
@pytest.mark.parametrize("extra", [0, 1])
def test_each_map_reads_the_channels_of_its_group(through, whole, shape, maps, groups, case, extra):
    window, x, weight, bias = made(whole, shape, maps, groups, case)
    y = through(x, weight, bias, groups, window, extra)
    np.testing.assert_array_equal(y, expected(x, weight, bias, groups, window))


@pytest.mark.parametrize(("shape", "maps", "groups", "case"), CASES[:4], ids=str)
def test_a_residual_is_added_before_clipping(through, whole, shape, maps, groups, case):
    window, x, weight, _ = made(whole, shape, maps, groups, case)
    plain = expected(x, weight, None, groups, window)
    residual = 3 * whole(*plain.shape)
    y = through(x, weight, None, groups, window, 1, residual, (0.0, 6.0))
    np.testing.assert_array_equal(y, np.clip(plain + residual, 0, 6))


def test_all_examples_share_the_biases_of_units(target, through, whole):
    shape, maps, groups, case = CASES[1]
    window, x, weight, _ = made(whole, shape, maps, groups, case)
    plain = expected(x, weight, None, groups, window)
    blocks = -(-maps // target.lanes)
    units = whole(blocks, *plain.shape[2:], target.lanes)
    y = through(x, weight, None, groups, window, 1, units)
    each = np.moveaxis(units, -1, 1).reshape(-1, *plain.shape[2:])[:maps]
    np.testing.assert_array_equal(y, plain + each)


@pytest.mark.parametrize("place", [0, 2, 4], ids=["aligned", "odd", "wide"])
def test_nan_and_infinity_stay_in_their_groups(through, whole, place):
    shape, maps, groups, case = CASES[place]
    window, x, weight, _ = made(whole, shape, maps, groups, case)
    each = shape[1] // groups
    x[0, 0, 4, 4], x[0, each, 0, 0], x[0, -1, -1, -1] = np.nan, np.inf, -np.inf
    y = through(x, weight, None, groups, window, bounds=(0.0, 6.0))
    with np.errstate(invalid="ignore"):
        wanted = np.clip(expected(x, weight, None, groups, window), 0, 6)
    assert np.isnan(wanted).any()
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize(("channels", "maps", "groups"), [(4, 4, 32), (14, 7, 5), (35, 3, 3)])
def test_each_lane_reads_each_channel_of_its_group_once(target, channels, maps, groups):
    steps = plan_gathering(target, channels, maps, groups, 3)
    for block, (first, last) in enumerate(zip(steps.starts, steps.starts[1:], strict=False)):
        for lane in range(target.lanes):
            number = block * target.lanes + lane
            read = [c for c in steps.channels[first:last, lane] if c >= 0]
            if number < maps * groups:
                assert sorted(read) == list(range(channels))


def test_what_does_not_fit_is_refused(target, value):
    window = Window.parse(3, padding=1, rank=2)
    packed = pack(target, np.ones((6, 2, 3, 3)), None, 3)
    bare, padded = value("x", target, (1, 6, 6, 6)), value("x", target, (1, 6, 6, 6), 1, 1)
    with pytest.raises(GeometryError) as caught:
        grouped(target, bare, bare, packed, window, 0.0, 1.0)
    assert str(caught.value) == (
        "the window reads 1 pixels before and 1 after an image that has 0 and 0"
    )
    with pytest.raises(ShapeError) as wrong:
        grouped(target, padded, value("y", target, (1, 6, 6, 5)), packed, window, 0.0, 1.0)
    assert str(wrong.value) == "the result must be (1, 6, 6, 6), not (1, 6, 6, 5)"
    with pytest.raises(ShapeError) as other:
        grouped(target, padded, bare, packed, Window.parse(1, rank=2), 0.0, 1.0)
    assert str(other.value) == (
        "packed weights are for 6 channels, 6 maps and kernel (3, 3), not 6, 6 and (1, 1)"
    )
