from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.errors import ShapeError
from striate.ops.blocked import gates
from striate.ops.blocked.channel_sums import channel_sums, partial_size
from striate.ops.blocked.layout import Place, Value, blocked
from striate.ops.blocked.program import aligned, run_tasks
from striate.ops.codegen import Target

SHAPES = [(2, 5, 7), (3, 33, 4, 5), (2, 16, 3, 9), (1, 20, 2, 3, 4), (40, 3, 6, 13), (70, 10, 1, 1)]
ACTIVATIONS = {
    "relu": (gates.relu(), torch.relu),
    "clip": (gates.clip(-1, 2), lambda x: torch.clip(x, -1, 2)),
    "leaky": (gates.leaky(0.1), lambda x: torch.nn.functional.leaky_relu(x, 0.1)),
    "tanh": (gates.tanh(1.7159, 2 / 3), lambda x: 1.7159 * torch.tanh(x * 2 / 3)),
    "sigmoid": (gates.sigmoid(), torch.sigmoid),
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).normal(0.3, 2, shape).astype(np.float32)


def gradient(function, x, dy):
    x = torch.from_numpy(x).double().requires_grad_()
    y = function(x)
    y.backward(torch.from_numpy(dy).double())
    return y.detach().numpy().astype(np.float32), x.grad.numpy()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("padding", [0, 1])
def test_gates_and_their_sums(target, run, value, put, get, edge, shape, name, padding):
    expression, function = ACTIVATIONS[name]
    x, dy = normal(*shape), normal(*shape, seed=1)
    y, wanted = gradient(function, x, dy)
    at = value("g", target, shape, padding, 2 * padding, among=(1, 0))
    of = value("y", target, shape, padding, 0, among=(0, 1))
    buffers = {"g": put(at.layout, dy), "y": put(of.layout, y)}
    buffers["p"] = np.full(partial_size(at), np.nan, np.float32)
    buffers["s"] = np.full(shape[1] + 20, 7, np.float32)
    run(gates.gate_and_sum(target, expression, at, of, at, Place("s"), "p"), buffers)
    got = get(at.layout, buffers["g"])
    np.testing.assert_allclose(got, wanted, rtol=3e-6, atol=2e-6)
    assert (edge(at.layout, buffers["g"]) == 0).all()
    axes = (0, *range(2, len(shape)))
    whole, size = got.astype(np.float64), np.abs(got).sum(axes)
    assert (np.abs(buffers["s"][: shape[1]] - whole.sum(axes)) <= 1e-7 * size + 1e-30).all()
    assert (buffers["s"][shape[1] :] == 7).all()
    buffers["g"] = put(at.layout, dy)
    run(gates.gate(target, expression, at, of, at), buffers)
    np.testing.assert_array_equal(get(at.layout, buffers["g"]), got)


@pytest.mark.parametrize("name", ["relu", "clip", "leaky"])
def test_what_is_not_a_number_was_not_clipped(target, run, value, put, get, name):
    y = np.array([np.nan, -np.inf, np.inf, 0.0], np.float32).reshape(1, 1, 4)
    dy = np.full(y.shape, 3, np.float32)
    at, of = value("g", target, y.shape), value("y", target, y.shape)
    buffers = {"g": put(at.layout, dy), "y": put(of.layout, y)}
    run(gates.gate(target, ACTIVATIONS[name][0], at, of, at), buffers)
    wanted = {"relu": [3, 0, 0, 0], "clip": [3, 0, 0, 3], "leaky": [3, 0.3, 3, 0.3]}[name]
    np.testing.assert_allclose(get(at.layout, buffers["g"]).ravel(), wanted, rtol=1e-6)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1, 300, 301)], ids=str)
def test_sums_lose_little_to_rounding(target, run, value, put, shape):
    x = np.abs(normal(*shape)) + 1000
    at = value("x", target, shape, 1, 1)
    buffers = {"x": put(at.layout, x), "p": np.full(partial_size(at), np.nan, np.float32)}
    buffers["s"] = np.full(shape[1], np.nan, np.float32)
    run(channel_sums(target, at, Place("s"), "p"), buffers)
    exact = x.astype(np.float64).sum((0, *range(2, len(shape))))
    np.testing.assert_allclose(buffers["s"], exact, rtol=3e-7)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_units_are_summed_over_images(target, run, value, put, shape):
    x = normal(*shape)
    at = value("x", target, shape, 2, 1, among=(1, 1))
    buffers = {"x": put(at.layout, x), "s": np.full(x[0].size + 20, 7, np.float32)}
    run(gates.unit_sums(target, at, Place("s")), buffers)
    exact = x.astype(np.float64).sum(0)
    got = buffers["s"][: exact.size].reshape(exact.shape)
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-6)
    assert (buffers["s"][exact.size :] == 7).all()


@given(
    shape=st.tuples(*(st.integers(1, most) for most in (40, 40, 9, 9))),
    padding=st.integers(0, 2),
)
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_whole_numbers_are_summed_exactly(run, value, put, shape, padding):
    target = Target.host()
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)
    at = value("x", target, shape, padding, padding)
    buffers = {"x": put(at.layout, x), "p": np.full(partial_size(at), np.nan, np.float32)}
    buffers["s"] = np.full(shape[1], np.nan, np.float32)
    run(channel_sums(target, at, Place("s"), "p"), buffers)
    np.testing.assert_array_equal(buffers["s"], x.sum((0, 2, 3)))


def test_threads_do_not_matter():
    target = Target.host()
    layout = blocked((16, 40, 20, 23), target.lanes)
    x = np.random.default_rng(0).normal(size=layout.size).astype(np.float32)
    at = Value(layout, "x")
    found = []
    for threads in (1, 2, 3):
        buffers = {"x": x, "p": aligned(partial_size(at)), "s": np.empty(40, np.float32)}
        run_tasks(channel_sums(target, at, Place("s"), "p"), buffers, threads)
        found.append(buffers["s"])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_shapes_must_be_the_same(target, value):
    one, other = value("x", target, (1, 3, 2)), value("y", target, (1, 3, 4))
    wanted = r"^values of shapes \[\(1, 3, 2\), \(1, 3, 4\), \(1, 3, 2\)\] do not go together: "
    with pytest.raises(ShapeError, match=wanted + "they must be the same$"):
        gates.gate_and_sum(target, gates.relu(), one, other, one, Place("s"), "p")
