from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.ops.blocked import dense, dense_gradients
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import aligned, run_tasks

FIXTURES = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SHAPES = [(30, 192), (10, 30), (1, 1), (5, 700), (70, 33), (33, 1050)]
NAMES = ("y", "dx", "dw", "db")


def tasks_of(target, n, m, k, low=-np.inf, high=np.inf):
    x, dy, weight = Place("x", 1), Place("dy", 1), Place("w", 1)
    return [
        dense.forward(target, x, n, weight, (m, k), Place("b", 1), Place("y", 1), low, high),
        dense.data_gradient(target, dy, n, weight, (m, k), Place("dx", 1)),
        dense.weight_gradient(target, x, dy, n, (m, k), Place("dw", 1)),
        dense.bias_gradient(target, dy, n, m, Place("db", 1)),
    ]


def buffers_of(n, m, k, make):
    """Return arrays after one element, and before some, that must not matter."""
    given = {"x": make(n, k), "dy": make(n, m), "w": make(m, k), "b": make(m)}
    buffers = {name: np.pad(a.ravel(), (1, 5), constant_values=np.nan) for name, a in given.items()}
    for name, size in zip(NAMES, (n * m, n * k, m * k, m), strict=True):
        buffers[name] = np.full(size + 6, np.nan, np.float32)
    return given, buffers


def results_of(buffers):
    for name in NAMES:
        assert np.isnan(buffers[name][[0, -5, -4, -3, -2, -1]]).all()
    return {name: buffers[name][1:-5] for name in NAMES}


def check(target, run, whole, n, m, k):
    given, buffers = buffers_of(n, m, k, whole)
    run(tasks_of(target, n, m, k, 0.0, 40.0), buffers)
    results = results_of(buffers)
    y = np.clip(given["x"] @ given["w"].T + given["b"], 0, 40)
    np.testing.assert_array_equal(results["y"], y.ravel())
    np.testing.assert_array_equal(results["dx"], (given["dy"] @ given["w"]).ravel())
    np.testing.assert_array_equal(results["dw"], (given["dy"].T @ given["x"]).ravel())
    np.testing.assert_array_equal(results["db"], given["dy"].sum(axis=0))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("examples", [1, 3, 8, 9, 32, 70])
def test_layers_and_gradients(target, run, whole, shape, examples):
    check(target, run, whole, examples, *shape)


@FIXTURES
@given(st.integers(1, 130), st.integers(1, 300), st.integers(1, 300))
def test_ragged_sizes(target, run, whole, examples, maps, inner):
    check(target, run, whole, examples, maps, inner)


@pytest.mark.parametrize("examples", [4, 40])
def test_pytorch_agrees(target, run, examples):
    rng = np.random.default_rng(0)
    given, buffers = buffers_of(
        examples, 21, 1300, lambda *shape: rng.normal(size=shape).astype(np.float32)
    )
    x, weight, bias = (torch.from_numpy(given[name]).requires_grad_() for name in "xwb")
    y = torch.nn.functional.linear(x, weight, bias)
    (y * torch.from_numpy(given["dy"])).sum().backward()
    run(tasks_of(target, examples, 21, 1300), buffers)
    wanted = zip(NAMES, (y.detach(), x.grad, weight.grad, bias.grad), strict=True)
    results = results_of(buffers)
    for name, one in wanted:
        np.testing.assert_allclose(results[name], one.ravel(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("examples", [1, 8, 50])
def test_threads_change_nothing(target, examples):
    rng = np.random.default_rng(0)
    m, k = 67, 1500
    tasks = tasks_of(target, examples, m, k)
    assert all(task.blocks > 2 for task in tasks[:3])
    kept = []
    for threads in (1, 2, 3):
        rng = np.random.default_rng(0)
        _, buffers = buffers_of(
            examples, m, k, lambda *shape, rng=rng: rng.normal(size=shape).astype(np.float32)
        )
        run_tasks(tasks, buffers, threads, target)
        kept.append(results_of(buffers))
    for name in NAMES:
        np.testing.assert_array_equal(kept[0][name], kept[1][name])
        np.testing.assert_array_equal(kept[0][name], kept[2][name])


@pytest.mark.parametrize("place", [0, 1], ids=["aligned", "not aligned"])
def test_large_gradients_go_past_the_caches(target, run, whole, monkeypatch, place):
    monkeypatch.setattr(dense_gradients, "LARGE", 0)
    n, m, k = 5, 13, 800
    x, dy, dw = aligned(n * k), aligned(n * m), aligned(m * k + 1)
    x[:], dy[:], dw[:] = whole(n * k), whole(n * m), np.nan
    places = Place("x"), Place("dy"), n, (m, k), Place("dw", place)
    run(dense.weight_gradient(target, *places), {"x": x, "dy": dy, "dw": dw})
    wanted = dy.reshape(n, m).T @ x.reshape(n, k)
    np.testing.assert_array_equal(dw[place:][: m * k], wanted.ravel())
    assert np.isnan(dw).sum() == 1
