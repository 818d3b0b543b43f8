from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.geometry import Window
from striate.ops.blocked.pool_gradient import (
    average_pool_gradient,
    global_average_gradient,
    max_pool_gradient,
)
from striate.ops.blocked.program import run_tasks
from striate.ops.codegen import Target

CASES = [
    ((2, 5, 8, 10), {"kernel": 2, "stride": 2}),
    ((1, 33, 7, 9), {"kernel": 2, "stride": 2}),
    ((2, 17, 9, 39), {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 3, 7, 7), {"kernel": 3, "stride": 2, "ceil": True}),
    ((1, 3, 7, 7), {"kernel": 2, "stride": 2, "ceil": True}),
    ((1, 20, 6, 11), {"kernel": 3, "stride": 1, "padding": 1}),
    ((1, 4, 13, 13), {"kernel": 5, "stride": 3, "padding": 2, "ceil": True}),
    ((1, 4, 9, 20), {"kernel": (2, 3), "stride": (1, 2), "padding": (1, 1)}),
    ((1, 4, 9, 20), {"kernel": 2, "stride": 3}),
    ((2, 9, 30), {"kernel": 3, "stride": 2, "padding": 1}),
    ((2, 9, 31), {"kernel": 3, "stride": 3}),
    ((1, 9, 4, 5, 7), {"kernel": 2, "stride": 2}),
    ((1, 2, 5, 5, 5), {"kernel": 3, "stride": 1, "padding": 1}),
    ((1, 1, 1, 1), {"kernel": 1}),
]
SIDES = [((0, 0), (0, 0)), ((1, 2), (2, 1))]
WAYS = [(SIDES[0], False), (SIDES[1], True)]
MAX = [torch.nn.MaxPool1d, torch.nn.MaxPool2d, torch.nn.MaxPool3d]
AVERAGE = [torch.nn.AvgPool1d, torch.nn.AvgPool2d, torch.nn.AvgPool3d]


def whole(*shape, seed=0):
    """Return few different numbers, so that many are equal."""
    return np.random.default_rng(seed + sum(shape)).integers(-3, 4, shape).astype(np.float32)


def by_pytorch(pool, x, dy=None):
    """Return the gradient that is given to outputs, and what inputs get."""
    x = torch.from_numpy(x).requires_grad_()
    y = pool(x)
    dy = whole(*y.shape, seed=1) if dy is None else dy
    y.backward(torch.from_numpy(dy))
    return dy, x.grad.numpy()


def options(case):
    names = {"kernel": "kernel_size", "ceil": "ceil_mode"}
    return {names.get(name, name): value for name, value in case.items()}


@pytest.fixture
def through(target, run, put, get, edge, value):
    """Return what runs a gradient of x and dy, with these paddings."""

    def through(tasks, x, dy, sides=SIDES[0], to=target):
        at, out = (
            value("x", to, x.shape, *sides[0], among=(1, 1)),
            value("y", to, x.shape, *sides[1]),
        )
        slope = value("g", to, dy.shape, *sides[0], among=(0, 1))
        buffers = {"x": put(at.layout, x), "g": put(slope.layout, dy)}
        buffers["y"] = np.full(out.layout.size, 7, np.float32)
        run(tasks(to, slope, at, out), buffers)
        assert (edge(out.layout, buffers["y"]) == 7).all()
        return get(out.layout, buffers["y"])

    return through


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
@pytest.mark.parametrize(("sides", "relu"), WAYS, ids=str)
def test_the_first_of_the_largest_gets_the_gradient(through, shape, case, sides, relu):
    window = Window.parse(**case, rank=len(shape) - 2)
    pool = MAX[len(shape) - 3](**options(case))
    for x in (whole(*shape), -1 - abs(whole(*shape)), np.full(shape, -np.inf, np.float32)):
        dy, wanted = by_pytorch(pool, x)
        got = through(lambda t, g, x, y: max_pool_gradient(t, g, x, y, window, relu), x, dy, sides)
        np.testing.assert_array_equal(got, np.where(x > 0, wanted, 0) if relu else wanted)


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
def test_what_is_no_number_is_the_largest(through, shape, case):
    window = Window.parse(**case, rank=len(shape) - 2)
    x = whole(*shape)
    x.flat[:: max(1, x.size // 40)] = np.nan
    x.flat[1 :: max(2, x.size // 30)] = np.inf
    dy, wanted = by_pytorch(MAX[len(shape) - 3](**options(case)), x)
    got = through(lambda t, *v: max_pool_gradient(t, *v, window), x, dy)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
@pytest.mark.parametrize(("sides", "relu"), WAYS, ids=str)
@pytest.mark.parametrize("count", [True, False])
def test_means_share_their_gradient(through, shape, case, sides, count, relu):
    window = Window.parse(**case, rank=len(shape) - 2)
    pool = AVERAGE[len(shape) - 3](**options(case), count_include_pad=count)
    x = whole(*shape)
    dy, wanted = by_pytorch(pool, x)

    def tasks(target, g, x, y):
        return average_pool_gradient(target, g, y, window, count, x if relu else None)

    got = through(tasks, x, dy, sides)
    wanted = np.where(x > 0, wanted, 0) if relu else wanted
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 5, 7, 7), (1, 33, 3), (1, 9, 2, 3, 5)], ids=str)
@pytest.mark.parametrize("relu", [False, True])
def test_one_pixel_gives_its_gradient_to_all(through, shape, relu):
    x, dy = whole(*shape), whole(*shape[:2], *(1 for _ in shape[2:]), seed=1)
    size = x[0, 0].size
    got = through(
        lambda t, g, x, y: global_average_gradient(t, g, y, x if relu else None), x, dy, SIDES[1]
    )
    kept = (x > 0) | (not relu)
    np.testing.assert_allclose(got, kept * dy / size, rtol=1e-6)
    window = Window.parse(shape[2:], rank=len(shape) - 2)
    got = through(lambda t, *v: max_pool_gradient(t, *v, window, relu), x, dy, SIDES[1])
    first = x.reshape(*shape[:2], size).argmax(-1)[..., None]
    wanted = np.zeros((*shape[:2], size), np.float32)
    np.put_along_axis(wanted, first, dy.reshape(*shape[:2], 1), -1)
    np.testing.assert_array_equal(got, wanted.reshape(shape) * kept)


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_window(through, data):
    rank = data.draw(st.integers(1, 3))
    kernel, stride, dilation = (data.draw(st.tuples(*[st.integers(1, 3)] * rank)) for _ in range(3))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    ceil = data.draw(st.booleans())
    window = Window.parse(kernel, stride, padding, dilation, rank=rank, ceil=ceil)
    sizes = [
        data.draw(st.integers(d * (k - 1) + 1, 12)) for k, d in zip(kernel, dilation, strict=True)
    ]
    x = whole(2, 3, *sizes)
    pool = MAX[rank - 1](kernel, stride, padding, dilation, ceil_mode=ceil)
    dy, wanted = by_pytorch(pool, x)
    got = through(lambda t, *v: max_pool_gradient(t, *v, window), x, dy, SIDES[1], Target.host())
    np.testing.assert_array_equal(got, wanted)


def test_threads_do_not_matter(value, put):
    target, shape, found = Target.host(), (4, 40, 21, 23), []
    x, dy = whole(*shape), whole(4, 40, 11, 12, seed=1)
    at, out, slope = (
        value(n, target, s, 1, 1) for n, s in zip("xyg", (shape, shape, dy.shape), strict=True)
    )
    window = Window.parse(3, 2, 1, rank=2)
    for threads in (1, 2, 3):
        buffers = {v.buffer: put(v.layout, each) for v, each in zip((at, out), (x, x), strict=True)}
        buffers["g"] = put(slope.layout, dy)
        run_tasks(max_pool_gradient(target, slope, at, out, window), buffers, threads)
        found.append(buffers["y"])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
