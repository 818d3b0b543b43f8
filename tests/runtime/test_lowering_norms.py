"""Normalization, softmax, means and matrices by machine code, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.geometry import Window
from striate.network import Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.lowering import IN_PYTHON

START = Initial("constant", 0.0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(1, 2, shape).astype(np.float32)


def compiled(shape, nodes, outputs=("y",), weights=None):
    weights = weights or {}
    parameters = tuple(Parameter(name, w.shape, START) for name, w in weights.items())
    graph = Graph("example", (Input("x", shape),), parameters, tuple(nodes), outputs)
    return st.compile(Network(graph, weights), threads=1)


def methods(run):
    return [step.method for step in run.plan.steps]


def check(operator, x, *weights, native=True, rtol=3e-6):
    names = tuple(f"w{i}" for i in range(len(weights)))
    node = Node("y", operator, ("x", *names), ("y",))
    run = compiled(x.shape, [node], weights=dict(zip(names, weights, strict=True)))
    assert (IN_PYTHON not in methods(run)) == native
    y, expected = run(x), operator.value(x, *weights)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=2e-6)


@pytest.mark.parametrize(
    ("operator", "shape"),
    [
        (op.Softmax(-1), (2, 30, 5)),
        (op.Softmax(-1), (1, 50, 2)),
        (op.Softmax(3), (2, 3, 4, 7)),
        (op.Softmax(0), (9,)),
        (op.Softmax(1), (2, 19, 5, 6)),
        (op.Softmax(1), (2, 19, 3, 2, 2)),
        (op.Softmax(1), (2, 19, 1, 1)),
        (op.Softmax(1, onwards=True), (2, 3, 4, 5)),
        (op.Softmax(0, onwards=True), (2, 3)),
        (op.LRN(5, 0.1, 0.75, 2.0), (2, 19, 5, 6)),
        (op.LRN(4, 0.1, 0.6, 1.0), (1, 7, 30)),
        (op.ReduceMean((2, 3)), (2, 19, 5, 6)),
        (op.ReduceMean((-1, -2), keepdims=False), (2, 19, 5, 6)),
        (op.ReduceMean((2,), keepdims=False), (3, 5, 40)),
        (op.ReduceMean((-1,)), (2, 5, 40)),
        (op.ReduceSum((1, 2), keepdims=False), (2, 5, 7)),
        (op.ReduceMax((-1,)), (9, 33)),
        (op.ReduceSum(), (9, 33)),
        (op.ReduceMean((1,)), (2, 19, 5, 6)),
        (op.ReduceMax((1,), keepdims=False), (2, 19, 5, 6)),
        (op.ReduceSum((0, 2)), (3, 1, 70)),
        (op.ReduceMin((0,)), (7, 100)),
        (op.ReduceL2((1,)), (1, 19, 5, 6)),
        (op.ReduceSumSquare((-1,), keepdims=False), (4, 5, 33)),
        (op.GlobalAveragePool(), (2, 5, 3, 4, 2)),
        (op.GlobalMaxPool(), (2, 5, 3)),
    ],
    ids=str,
)
def test_operators_without_weights(operator, shape):
    check(operator, normal(*shape))


def test_operators_that_are_left_to_python():
    check(op.Softmax(2), normal(2, 3, 4, 5), native=False)
    check(op.ReduceMean((1, 3)), normal(2, 3, 4, 5), native=False)
    check(op.LRN(41), normal(2, 3, 4, 5), native=False)
    check(op.LayerNormalization(-1), normal(2, 6), normal(1), native=False, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 19, 5, 6), (1, 4, 30), (1, 3, 2, 3, 4)], ids=str)
def test_instances_are_normalized(shape):
    weights = normal(shape[1], seed=1), normal(shape[1], seed=2)
    check(op.InstanceNormalization(1e-3), normal(*shape), *weights, rtol=1e-5)


@pytest.mark.parametrize(("shape", "axis"), [((2, 5, 8), -1), ((2, 5, 8), 1), ((3, 40), 1)])
@pytest.mark.parametrize("biased", [True, False])
def test_layers_are_normalized(shape, axis, biased):
    own = shape[axis % len(shape) :]
    weights = [normal(*own, seed=1), *([normal(*own, seed=2)] if biased else [])]
    check(op.LayerNormalization(axis), normal(*shape), *weights, rtol=1e-5)


@pytest.mark.parametrize(
    "shape", [(1, 20), (2, 3, 20), (2, 2, 2, 20), (50, 20), (3, 5, 7, 20)], ids=str
)
@pytest.mark.parametrize("bias", [(6,), (1, 6), (1,), (2, 1, 1)], ids=str)
def test_matrices_take_bias_and_bounds_behind_them(shape, bias):
    x, w, b = normal(*shape), normal(20, 6, seed=1), normal(*bias, seed=2)
    if len(bias) == 3 and len(shape) != 3:
        return
    nodes = [
        Node("m", op.MatMul(), ("x", "w"), ("m",)),
        Node("a", op.Add(), ("b", "m"), ("a",)),
        Node("y", op.Relu(), ("a",), ("y",)),
    ]
    run = compiled(shape, nodes, weights={"w": w, "b": b})
    fused = bias[-1] == 6 and len(bias) <= len(shape)
    assert len(methods(run)) == (1 if fused else 2)
    assert IN_PYTHON not in methods(run)
    np.testing.assert_allclose(run(x), np.maximum(x @ w + b, 0), rtol=1e-5, atol=1e-5)


def test_gates_of_squeeze_and_excitation():
    x, w1, w2 = normal(2, 19, 6, 5), normal(5, 19, 1, 1, seed=1), normal(19, 5, 1, 1, seed=2)
    conv = op.Conv(Window.parse(1, rank=2))
    nodes = [
        Node("p", op.MaxPool(Window.parse(1, rank=2)), ("x",), ("p",)),
        Node("mean", op.GlobalAveragePool(), ("p",), ("mean",)),
        Node("less", conv, ("mean", "w1"), ("less",)),
        Node("relu", op.Relu(), ("less",), ("relu",)),
        Node("more", conv, ("relu", "w2"), ("more",)),
        Node("gate", op.HardSigmoid(), ("more",), ("gate",)),
        Node("y", op.Mul(), ("p", "gate"), ("y",)),
    ]
    run = compiled(x.shape, nodes, weights={"w1": w1, "w2": w2})
    assert IN_PYTHON not in methods(run)
    mean = x.mean(axis=(2, 3))
    gate = np.clip(0.2 * (np.maximum(mean @ w1[:, :, 0, 0].T, 0) @ w2[:, :, 0, 0].T) + 0.5, 0, 1)
    np.testing.assert_allclose(run(x), x * gate[:, :, None, None], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "groups"),
    [((2, 19, 5, 6), 19), ((1, 24, 30), 4), ((2, 24, 3, 9), 1), ((1, 6, 2, 3, 4), 2)],
    ids=str,
)
def test_groups_are_normalized(shape, groups):
    weights = normal(shape[1], seed=1), normal(shape[1], seed=2)
    check(op.GroupNormalization(groups, 1e-3), normal(*shape), *weights, rtol=1e-5)


def test_groups_far_from_zero_are_normalized():
    x, weights = normal(1, 20, 40, 40) + 1000, (normal(20, seed=1), normal(20, seed=2))
    nodes = [Node("y", op.GroupNormalization(5), ("x", "w", "b"), ("y",))]
    run = compiled(x.shape, nodes, weights=dict(zip("wb", weights, strict=True)))
    wanted = op.GroupNormalization(5).value(x, *weights)  # a mean near 1000 is exact to 3e-5
    np.testing.assert_allclose(run(x), wanted, atol=3e-4)


def test_norms_of_groups_take_activations():
    x, w, b = normal(2, 12, 7, 5), normal(12, seed=1), normal(12, seed=2)
    norm = op.GroupNormalization(3)
    nodes = [
        Node("n", norm, ("x", "w", "b"), ("n",)),
        Node("a", op.Swish(), ("n",), ("a",)),
        Node("y", op.Relu(), ("a",), ("y",)),
    ]
    run = compiled(x.shape, nodes, weights={"w": w, "b": b})
    assert methods(run).count("groups of channels") == 1
    assert not any(name.startswith("elements") for name in methods(run))
    wanted = op.Relu().value(op.Swish().value(norm.value(x, w, b)))
    np.testing.assert_allclose(run(x), wanted, rtol=1e-5, atol=2e-6)
