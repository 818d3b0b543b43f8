"""What works on each element by itself, against its definition: in blocks and in NumPy's order."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.network import Constant, Graph, Initial, Input, Network, Node, Parameter, infer_shapes
from striate.network import operators as op
from striate.runtime.lowering import IN_PYTHON

START = Initial("constant", 0.0)

UNARY = [
    *(op.Abs(), op.Neg(), op.Exp(), op.Sqrt(), op.Reciprocal(), op.Floor(), op.Ceil(), op.Round()),
    *(op.Sign(), op.Erf(), op.Log(), op.Tanh(), op.Sigmoid(), op.Softplus(), op.Softsign()),
    *(op.HardSwish(), op.Mish(), op.Relu(), op.Clip(-1.0, 0.5), op.Swish(1.5), op.LeakyRelu(0.2)),
    *(op.Elu(0.7), op.Selu(), op.Celu(1.3), op.Gelu(), op.Gelu("tanh"), op.HardSigmoid(0.3, 0.4)),
    *(op.ThresholdedRelu(0.5), op.Shrink(0.5, 0.25), op.ScaledTanh(), op.Identity()),
]
SHAPES = [(2, 5, 4, 6), (1, 33, 7), (3, 20), (7,), (2, 17, 2, 3, 4)]


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def compiled(inputs, nodes, outputs, weights=None, constants=()):
    """Return a program of these nodes."""
    weights = weights or {}
    parameters = tuple(Parameter(name, w.shape, START) for name, w in weights.items())
    inputs = tuple(Input(name, shape) for name, shape in inputs.items())
    graph = Graph("example", inputs, parameters, tuple(nodes), outputs, constants)
    return st.compile(Network(graph, weights), threads=1)


def methods(run):
    return [step.method for step in run.plan.steps]


def pooled(name="x", to="in blocks"):
    """Return a node that puts a value into blocks, and leaves it as it is."""
    return Node(to, op.MaxPool(st.geometry.Window.parse(1, rank=2)), (name,), (to,))


@pytest.mark.parametrize("operator", UNARY, ids=lambda o: o.onnx)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_functions_of_one_value(operator, shape):
    x = np.abs(values(*shape)) if isinstance(operator, op.Log | op.Sqrt) else values(*shape)
    run = compiled({"x": shape}, [Node("y", operator, ("x",), ("y",))], ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_allclose(run(x), operator.value(x), rtol=3e-6, atol=2e-6)


@pytest.mark.parametrize("operator", UNARY, ids=lambda o: o.onnx)
def test_functions_of_values_in_blocks(operator):
    x = np.abs(values(2, 19, 5, 6)) + 0.1
    nodes = [pooled(), Node("y", operator, ("in blocks",), ("y",))]
    run = compiled({"x": x.shape}, nodes, ("y",))
    assert IN_PYTHON not in methods(run)
    np.testing.assert_allclose(run(x), operator.value(x), rtol=3e-6, atol=2e-6)


BINARY = [op.Add(), op.Sub(), op.Mul(), op.Div(), op.Max(), op.Min(), op.Sum(), op.Mean()]
PAIRS = [
    ((2, 5, 4, 6), (2, 5, 4, 6)),
    ((2, 5, 4, 6), (2, 5, 1, 1)),
    ((2, 5, 1, 1), (2, 5, 4, 6)),
    ((2, 5, 4, 6), (5, 1, 1)),
    ((2, 5, 4, 6), (1, 5, 4, 6)),
    ((2, 5, 4, 6), (6,)),
    ((2, 5, 4, 6), (2, 1, 4, 6)),
    ((2, 5, 4, 6), ()),
    ((2, 5, 4, 6), (1, 1, 1, 1)),
    ((4,), (2, 1, 1, 4)),
    ((1, 40, 2), (1, 40, 1)),
    ((3, 20), (20,)),
]


@pytest.mark.parametrize("operator", BINARY, ids=lambda o: o.onnx)
@pytest.mark.parametrize("shapes", PAIRS, ids=str)
@pytest.mark.parametrize("fixed", [False, True])
def test_functions_of_two_values(operator, shapes, fixed):
    a, b = values(*shapes[0]), values(*shapes[1], seed=1)
    node = Node("y", operator, ("x", "other"), ("y",))
    if fixed:
        run = compiled({"x": a.shape}, [node], ("y",), {"other": b})
        y = run(a)
    else:
        run = compiled({"x": a.shape, "other": b.shape}, [node], ("y",))
        y = run(a, b)
    assert IN_PYTHON not in methods(run)
    np.testing.assert_allclose(y, operator.value(a, b), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("operator", [op.Sub(), op.Mul(), op.PRelu()], ids=lambda o: o.onnx)
@pytest.mark.parametrize(
    "shape", [(19, 1, 1), (1, 19, 5, 6), (19, 5, 6), (5, 1), (1,), (2, 19, 5, 6)], ids=str
)
def test_constants_meet_values_in_blocks(operator, shape):
    x, other = values(2, 19, 5, 6), values(*shape, seed=1)
    nodes = [pooled(), Node("y", operator, ("in blocks", "other"), ("y",))]
    run = compiled({"x": x.shape}, nodes, ("y",), {"other": other})
    assert IN_PYTHON not in methods(run)
    np.testing.assert_allclose(run(x), operator.value(x, other), rtol=1e-6)


@pytest.mark.parametrize("exponent", [2.0, 0.5, -1.0, 3.0, 1.7, -0.3, 11.0])
def test_powers_are_native_unless_whole_and_large(exponent):
    x = np.abs(values(2, 3, 4)) + 0.1
    node = Node("y", op.Pow(), ("x", "exponent"), ("y",))
    constants = (Constant.of("exponent", exponent),)
    run = compiled({"x": x.shape}, [node], ("y",), constants=constants)
    assert (IN_PYTHON in methods(run)) == (exponent == 11)
    np.testing.assert_allclose(run(x), x**exponent, rtol=2e-6)


def test_what_follows_each_other_is_one_step():
    x = values(1, 19, 5, 6)
    nodes = [
        pooled(),
        Node("plus", op.Add(), ("in blocks", "three"), ("plus",)),
        Node("clipped", op.Clip(0.0, 6.0), ("plus",), ("clipped",)),
        Node("times", op.Mul(), ("in blocks", "clipped"), ("times",)),
        Node("y", op.Div(), ("times", "six"), ("y",)),
    ]
    constants = Constant.of("three", 3.0), Constant.of("six", 6.0)
    run = compiled({"x": x.shape}, nodes, ("y",), constants=constants)
    steps = [step.name for step in run.plan.steps if "elements" in step.method]
    assert steps == ["plus + clipped + times + y"]
    np.testing.assert_allclose(run(x), x * np.clip(x + 3, 0, 6) / 6, rtol=1e-6)


def test_gates_are_computed_once_for_each_channel():
    x = values(2, 19, 5, 6)
    nodes = [
        pooled(),
        Node("mean", op.GlobalAveragePool(), ("in blocks",), ("mean",)),
        Node("gate", op.Sigmoid(), ("mean",), ("gate",)),
        Node("y", op.Mul(), ("in blocks", "gate"), ("y",)),
    ]
    run = compiled({"x": x.shape}, nodes, ("y",))
    steps = [step.name for step in run.plan.steps if "elements" in step.method]
    assert steps == ["gate", "y"]
    gate = 1 / (1 + np.exp(-x.mean(axis=(2, 3), keepdims=True)))
    np.testing.assert_allclose(run(x), x * gate, rtol=3e-6)


def test_values_that_are_outputs_are_computed_too():
    x = values(3, 20)
    nodes = [Node("a", op.Exp(), ("x",), ("a",)), Node("b", op.Neg(), ("a",), ("b",))]
    run = compiled({"x": x.shape}, nodes, ("a", "b"))
    a, b = run(x)
    np.testing.assert_allclose(a, np.exp(x), rtol=1e-6)
    np.testing.assert_array_equal(b, -a)


def test_more_values_than_a_kernel_takes_are_several_steps():
    x = [values(2, 9, 3, seed=i) for i in range(12)]
    nodes, last = [], "x0"
    for i in range(1, 12):
        nodes.append(Node(f"s{i}", op.Add(), (last, f"x{i}"), (f"s{i}",)))
        last = f"s{i}"
    run = compiled({f"x{i}": a.shape for i, a in enumerate(x)}, nodes, (last,))
    assert 1 < len(methods(run)) < 11
    np.testing.assert_allclose(run(*x), np.sum(x, axis=0), rtol=1e-5, atol=1e-5)


def test_shapes_of_the_networks_are_those_inferred():
    node = Node("y", op.Expand((4, 1, 3)), ("x",), ("y",))
    x = values(5, 1)
    run = compiled({"x": (5, 1)}, [node], ("y",))
    assert infer_shapes(run.network.graph)["y"] == (4, 5, 3)
    assert IN_PYTHON not in methods(run)
    np.testing.assert_array_equal(run(x), np.broadcast_to(x, (4, 5, 3)))
