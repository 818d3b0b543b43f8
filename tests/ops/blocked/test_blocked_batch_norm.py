from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.ops.blocked.batch_norm import batch_norm, batch_norm_gradient, batch_statistics
from striate.ops.blocked.channel_sums import partial_size
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import run_tasks
from striate.ops.codegen import Target

SHAPES = [
    (2, 5, 7),
    (3, 33, 4, 5),
    (2, 16, 3, 300),
    (1, 20, 2, 3, 4),
    (40, 3, 6, 13),
    (70, 9, 1, 1),
]
BOUNDS = {"linear": (-np.inf, np.inf), "relu": (0.0, np.inf), "clip": (-1.0, 1.5)}
EPSILON, MOMENTUM = 1e-5, 0.8
INF = np.inf


def normal(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).normal(3, 2, shape).astype(np.float32)


def definition(x, dy, numbers, bounds):
    """Return PyTorch's results in float64: y, running statistics, and gradients."""
    x, scale, bias, mean, variance = (
        torch.from_numpy(each).double() for each in (x, *(numbers[name] for name in "abMV"))
    )
    for each in (x, scale, bias):
        each.requires_grad_()
    y = torch.nn.functional.batch_norm(
        x, mean, variance, scale, bias, training=True, momentum=1 - MOMENTUM, eps=EPSILON
    )
    torch.clip(y, *bounds).backward(torch.from_numpy(dy).double())
    before, count = torch.from_numpy(numbers["V"]).double(), x.numel() // x.shape[1]
    batch = (variance - MOMENTUM * before) * (max(1, count - 1) / count)  # PyTorch's is unbiased
    variance = MOMENTUM * before + batch
    y = torch.clip(y, *bounds).detach()
    return [each.numpy() for each in (y, mean, variance, x.grad, scale.grad, bias.grad)]


def numbers_of(channels):
    """Return scale, bias, running mean and variance, and places for what is found."""
    found = {name: normal(channels, seed=i) for i, name in enumerate("abMV")}
    return found | {name: np.full(channels + 20, 7, np.float32) for name in "misd"}


def forward(target, source, result, bounds):
    named = [Place(name) for name in "abmi"]
    statistics = batch_statistics(
        *(target, source, *(Place(name) for name in "miMV"), "p", EPSILON, MOMENTUM)
    )
    return [*statistics, batch_norm(target, source, result, *named, *bounds)]


def backward(target, dy, source, dx, bounds, residual=None):
    named = [Place(name) for name in "abmisd"]
    return batch_norm_gradient(target, dy, source, dx, *named, "p", *bounds, residual=residual)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("padding", [0, 1])
def test_batches_are_normalized(target, run, value, put, get, edge, shape, bounds, padding):
    x, dy, numbers = normal(*shape), normal(*shape, seed=9), numbers_of(shape[1])
    wanted = definition(x, dy, numbers, BOUNDS[bounds])
    at = value("x", target, shape, padding, padding, among=(1, 0))
    out = value("y", target, shape, 0, padding, among=(0, 1))
    slope = value("g", target, shape, padding, 0)
    buffers = numbers | {
        "x": put(at.layout, x),
        "y": put(out.layout, x),
        "g": put(slope.layout, dy),
    }
    buffers["p"] = np.full(partial_size(at, 2), np.nan, np.float32)
    run(forward(target, at, out, BOUNDS[bounds]), buffers)
    run(backward(target, slope, at, slope, BOUNDS[bounds]), buffers)
    c = shape[1]
    got = [get(out.layout, buffers["y"]), buffers["M"], buffers["V"]]
    got += [get(slope.layout, buffers["g"]), buffers["s"][:c], buffers["d"][:c]]
    for found, exact in zip(got, wanted, strict=True):
        np.testing.assert_allclose(found, exact, rtol=2e-5, atol=2e-5 * max(1, np.abs(exact).max()))
    assert all((buffers[name][c:] == 7).all() for name in "misd")
    for layout, name in ((at.layout, "x"), (out.layout, "y"), (slope.layout, "g")):
        assert (edge(layout, buffers[name]) == 0).all()


@pytest.mark.parametrize("onto", ["gradient", "residual", "apart"])
def test_residuals_are_added(target, run, value, put, get, onto):
    shape, bounds = (3, 20, 5, 6), BOUNDS["relu"]
    x, dy, more = (normal(*shape, seed=seed) for seed in range(3))
    numbers = numbers_of(20)
    values = [
        value(name, target, shape, pad) for name, pad in zip("xgrz", (1, 0, 2, 1), strict=True)
    ]
    arrays = [x, dy, more, x]
    buffers = {v.buffer: put(v.layout, each) for v, each in zip(values, arrays, strict=True)}
    buffers |= numbers | {"p": np.full(partial_size(values[0], 2), np.nan, np.float32)}
    wanted = definition(x, dy, numbers, bounds)[3] + more
    at, slope, residual, other = values
    dx = {"gradient": slope, "residual": residual, "apart": other}[onto]
    run(forward(target, at, other, bounds), buffers)
    run(backward(target, slope, at, dx, bounds, residual), buffers)
    np.testing.assert_allclose(get(dx.layout, buffers[dx.buffer]), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("start", [0.0, 1e3, -1e5])
@pytest.mark.parametrize("shape", [(64, 20, 14, 14), (4, 3, 64, 60)], ids=str)
def test_far_means_leave_variances_exact(target, run, value, put, start, shape):
    x = normal(*shape) + np.float32(start)
    x[0, :, 0] = start + 50  # what comes first is no guide to the mean
    at = value("x", target, shape)
    c = shape[1]
    buffers = numbers_of(c) | {"x": put(at.layout, x)}
    buffers["p"] = np.full(partial_size(at, 2), np.nan, np.float32)
    named = [Place(name) for name in "miMV"]
    run(batch_statistics(target, at, *named, "p", 0.0, 0.0), buffers)
    exact = x.astype(np.float64)
    mean, deviation = exact.mean((0, 2, 3)), exact.std((0, 2, 3))
    np.testing.assert_allclose(buffers["m"][:c], mean, rtol=2e-7, atol=2e-6 * deviation.max())
    np.testing.assert_allclose(buffers["i"][:c], 1 / deviation, rtol=3e-6)


@given(shape=st.tuples(*(st.integers(1, most) for most in (9, 40, 9, 9))))
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_any_shape(run, value, put, get, shape):
    target = Target.host()
    x, dy, numbers = normal(*shape), normal(*shape, seed=9), numbers_of(shape[1])
    if x[:, 0].size < 3:
        return  # two numbers are normalized to -1 and 1 whatever they are: PyTorch refuses one
    wanted = definition(x, dy, numbers, BOUNDS["clip"])
    at, slope = value("x", target, shape, 1), value("g", target, shape)
    buffers = numbers | {"x": put(at.layout, x), "g": put(slope.layout, dy)}
    buffers["p"] = np.full(partial_size(at, 2), np.nan, np.float32)
    tasks = forward(target, at, value("y", target, shape), BOUNDS["clip"])
    buffers["y"] = put(slope.layout, x)
    run(tasks + backward(target, slope, at, slope, BOUNDS["clip"]), buffers)
    got = get(slope.layout, buffers["g"])
    np.testing.assert_allclose(got, wanted[3], rtol=1e-3, atol=1e-3 * max(1, abs(wanted[3]).max()))


def test_what_is_no_number_stays_in_its_channel(target, run, value, put, get):
    x = normal(2, 5, 3, 4)
    x[1, 3, 2, 2] = np.nan
    at, out = value("x", target, x.shape), value("y", target, x.shape)
    buffers = numbers_of(5) | {"x": put(at.layout, x), "y": put(at.layout, x)}
    buffers["p"] = np.full(partial_size(at, 2), np.nan, np.float32)
    run(forward(target, at, out, (0.0, INF)), buffers)
    y = get(out.layout, buffers["y"])
    assert np.isnan(y[:, 3]).all()
    assert np.isfinite(np.delete(y, 3, axis=1)).all()


def test_threads_do_not_matter(value, put):
    target, shape, found = Target.host(), (16, 40, 20, 23), []
    x, dy = normal(*shape), normal(*shape, seed=9)
    at, out, slope = (value(name, target, shape, 1, 1) for name in "xyg")
    for threads in (1, 2, 3):
        buffers = numbers_of(40) | {v.buffer: put(v.layout, x) for v in (at, out)}
        buffers["g"], buffers["p"] = (
            put(slope.layout, dy),
            np.empty(partial_size(at, 2), np.float32),
        )
        tasks = forward(target, at, out, BOUNDS["relu"])
        run_tasks(tasks + backward(target, slope, at, slope, BOUNDS["relu"]), buffers, threads)
        found.append(buffers)
    for other in found[1:]:
        for name in "ygmisdMV":
            np.testing.assert_array_equal(found[0][name], other[name])
