"""Activations that convolutions apply to their results, against both one after the other."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.geometry import TransposedWindow, Window
from striate.network import Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.lowering import IN_PYTHON

START = Initial("constant", 0.0)
ACTIVATIONS = [
    *(op.HardSwish(), op.Swish(), op.LeakyRelu(0.2), op.Sigmoid(), op.Tanh(), op.Gelu()),
    *(op.HardSigmoid(), op.Mish(), op.Elu(0.7)),
]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def both(operator, x, weight, activation, more=(), outputs=("y",)):
    """Return the program of a convolution with an activation, and that of the first alone."""
    bias = normal(weight.shape[0] if isinstance(operator, op.Conv) else weight.shape[1], seed=2)
    weights = {"w": weight, "b": bias}
    parameters = tuple(Parameter(name, w.shape, START) for name, w in weights.items())
    first = [
        Node("m", op.MaxPool(Window.parse(1, rank=x.ndim - 2)), ("x",), ("m",)),
        Node("c", operator, ("m", "w", "b"), ("c",)),
    ]
    last = [Node("y", activation, ("c",), ("y",)), *more]
    graph = Graph("example", (Input("x", x.shape),), parameters, (*first, *last), outputs)
    alone = Graph("example", (Input("x", x.shape),), parameters, tuple(first), ("c",))
    return [st.compile(Network(g, weights), threads=1) for g in (graph, alone)]


def compare(operator, x, weight, activation):
    run, alone = both(operator, x, weight, activation)
    steps = run.plan.steps
    assert [step.names for step in steps if "y" in step.names] == [("c", "y")]
    assert IN_PYTHON not in [step.method for step in steps]
    np.testing.assert_allclose(run(x), activation.value(alone(x)), rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_direct_convolutions_apply_activations(activation):
    conv = op.Conv(Window.parse(3, stride=2, padding=1, rank=2))
    compare(conv, normal(2, 19, 13, 11), normal(37, 19, 3, 3, seed=1) / 9, activation)


@pytest.mark.parametrize(
    ("x", "weight", "how"),
    [
        ((1, 64, 24, 24), (64, 64, 3, 3), {"padding": 1}),
        ((1, 24, 9, 9), (24, 1, 3, 3), {"padding": 1}),
        ((1, 24, 9, 9), (36, 4, 3, 3), {}),
        ((1, 3, 20, 20), (8, 3, 3, 3), {"stride": 2}),
        ((2, 40, 7, 7), (20, 40, 1, 1), {}),
        ((1, 20, 30), (9, 20, 5), {}),
        ((1, 6, 4, 5, 6), (9, 6, 2, 2, 2), {}),
    ],
    ids=str,
)
def test_every_method_applies_activations(x, weight, how):
    groups = x[1] // weight[1]
    window = Window.parse(weight[2:], rank=len(x) - 2, **how)
    scaled = normal(*weight, seed=1) / np.sqrt(np.prod(weight[1:]))
    compare(op.Conv(window, groups), normal(*x), scaled.astype(np.float32), op.Swish())


def test_transposed_convolutions_apply_activations():
    window = TransposedWindow.parse(4, 2, 1, rank=2)
    compare(op.ConvTranspose(window), normal(1, 20, 6, 7), normal(20, 9, 4, 4) / 9, op.Tanh())


def test_what_others_read_is_not_changed():
    conv, x = op.Conv(Window.parse(3, rank=2)), normal(1, 20, 8, 8)
    weight = normal(20, 20, 3, 3, seed=1) / 9
    run, alone = both(conv, x, weight, op.Sigmoid(), outputs=("c", "y"))
    c, y = run(x)
    np.testing.assert_array_equal(c, alone(x))
    np.testing.assert_allclose(y, op.Sigmoid().value(c), rtol=3e-6)


@pytest.mark.parametrize("behind", [op.Relu(), op.Clip(0.2, 0.4), op.Neg()], ids=str)
def test_sums_and_bounds_come_behind_activations(behind):
    conv, x = op.Conv(Window.parse(1, rank=2)), normal(1, 20, 8, 8)
    more = [
        Node("s", op.Add(), ("y", "m"), ("s",)),
        Node("z", behind, ("s",), ("z",)),
    ]
    weight = normal(20, 20, 1, 1, seed=1) / 4
    run, alone = both(conv, x, weight, op.Swish(), more, ("z",))
    wanted = behind.value(op.Swish().value(alone(x)) + x)
    np.testing.assert_allclose(run(x), wanted, rtol=3e-6, atol=1e-6)
    run, alone = both(conv, x, weight, op.Swish(), [Node("z", behind, ("y",), ("z",))], ("z",))
    np.testing.assert_allclose(run(x), behind.value(op.Swish().value(alone(x))), rtol=3e-6)
