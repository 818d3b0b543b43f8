from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.geometry import Window
from striate.ops import average_pool_plan, max_pool_plan
from striate.ops.blocked.global_pooling import global_average, global_max
from striate.ops.blocked.pooling import average_pool, max_pool

CASES = [
    ((2, 5, 8, 10), {"kernel": 2, "stride": 2}),
    ((1, 17, 9, 39), {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 3, 7, 7), {"kernel": 3, "stride": 2, "ceil": True}),
    ((1, 20, 6, 11), {"kernel": 3, "stride": 1, "padding": 1}),
    ((1, 4, 13, 13), {"kernel": 5, "stride": 3, "padding": 2, "ceil": True}),
    ((1, 4, 9, 20), {"kernel": (2, 3), "stride": (1, 2), "dilation": (2, 3), "padding": (1, 2)}),
    ((1, 4, 12, 25), {"kernel": 12, "stride": 1, "padding": ((0, 1), (3, 5))}),
    ((2, 9, 30), {"kernel": 3, "stride": 2, "padding": "same"}),
    ((1, 9, 4, 5, 6), {"kernel": 2, "stride": 2, "ceil": True}),
    ((1, 2, 5, 5, 5), {"kernel": 3, "stride": 1, "padding": 1}),
    ((1, 1, 1, 1), {"kernel": 1}),
]
SIDES = [((0, 0), (0, 0)), ((1, 2), (2, 1))]


@pytest.fixture
def through(target, run, put, get, value):
    """Return what runs a kernel on an array."""

    def through(task, x, spatial, sides=SIDES[0]):
        source = value("x", target, x.shape, *sides[0], among=(1, 1))
        result = value("y", target, (*x.shape[:2], *spatial), *sides[1], among=(0, 1))
        buffers = {"x": put(source.layout, x)}
        buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
        run(task(target, source, result), buffers)
        return get(result.layout, buffers["y"])

    return through


def specials(x):
    x = x.copy()
    x.flat[:: max(1, x.size // 9)] = np.nan
    x.flat[1 :: max(2, x.size // 7)] = np.inf
    x.flat[2 :: max(3, x.size // 5)] = -np.inf
    return x


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_largest_elements_are_those_of_the_definition(through, whole, shape, case, sides):
    window = Window.parse(**case, rank=len(shape) - 2).at(shape[2:])
    plan = max_pool_plan(shape, window, "float32", "reference")
    for x in (whole(*shape), -1 - abs(whole(*shape)), specials(whole(*shape))):
        y = through(lambda *v: max_pool(*v, window), x, plan.output_shape[2:], sides)
        np.testing.assert_array_equal(y, plan.forward(x))


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("count", [True, False])
def test_means_are_those_of_the_definition(through, whole, shape, case, sides, count):
    window = Window.parse(**case, rank=len(shape) - 2).at(shape[2:])
    plan = average_pool_plan(shape, window, "float32", count, "reference")
    for x in (whole(*shape), specials(whole(*shape))):
        y = through(lambda *v: average_pool(*v, window, count), x, plan.output_shape[2:], sides)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(y, plan.forward(x))


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_window_pools_as_defined(through, whole, data):
    rank = data.draw(st.integers(1, 3))
    draw = [data.draw(st.tuples(*[st.integers(1, 3)] * rank)) for _ in range(3)]
    kernel, stride, dilation = draw
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = [data.draw(st.tuples(*[st.integers(0, e - 1)] * 2)) for e in extents]
    ceil = data.draw(st.booleans())
    window = Window.parse(kernel, stride, padding, dilation, rank=rank, ceil=ceil)
    sizes = [data.draw(st.integers(e, e + 9)) for e in extents]
    x = whole(1, 3, *sizes)
    largest = max_pool_plan(x.shape, window, "float32", "reference")
    y = through(lambda *v: max_pool(*v, window), x, largest.output_shape[2:])
    np.testing.assert_array_equal(y, largest.forward(x))
    mean = average_pool_plan(x.shape, window, "float32", ceil, "reference")
    y = through(lambda *v: average_pool(*v, window, ceil), x, mean.output_shape[2:])
    np.testing.assert_array_equal(y, mean.forward(x))


@pytest.mark.parametrize("shape", [(2, 5, 7, 7), (1, 33, 3), (1, 9, 2, 3, 5), (1, 1, 20, 21)])
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_whole_planes_become_one_pixel(through, whole, shape, sides):
    single, axes = (1,) * (len(shape) - 2), tuple(range(2, len(shape)))
    for x in (whole(*shape), specials(whole(*shape))):
        largest = through(global_max, x, single, sides)
        np.testing.assert_array_equal(largest, x.max(axis=axes, keepdims=True))
        mean = through(global_average, x, single, sides)
        with np.errstate(invalid="ignore"):
            total = x.sum(axis=axes, keepdims=True)
        np.testing.assert_array_equal(mean, total / np.float32(x[0, 0].size))


def test_means_of_large_planes_lose_little(through):
    x = np.random.default_rng(0).uniform(size=(1, 3, 300, 301)).astype(np.float32)
    y = through(global_average, x, (1, 1)).ravel()
    np.testing.assert_allclose(y, x.mean(axis=(2, 3), dtype=np.float64)[0], rtol=2e-6)
