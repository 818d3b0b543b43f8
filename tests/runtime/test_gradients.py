"""Gradients of steps that are done as they are defined: against differences, in float64."""

import re
from pathlib import Path

import numpy as np
import pytest

import striate as st
from striate.errors import TrainingError
from striate.network import Constant, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime import Trainable
from striate.runtime.constants import arrays_of
from striate.runtime.plan import plan
from striate.runtime.steps import DEFINED, STEPS

SHAPE = (2, 4, 2, 6)


def graph(operator, shapes, *, outputs=1, constants=()):
    """Return a graph of one operator on parameters, behind which each output is squared."""
    parameters = tuple(Parameter(f"p{n}", s, Initial("normal", 1)) for n, s in enumerate(shapes))
    names = [p.name for p in parameters] + [c.name for c in constants]
    made = tuple(f"y{n}" for n in range(outputs))
    nodes = [Node("node", operator, tuple(names), made)]
    nodes += [Node(f"{name}.square", op.Mul(), (name, name), (f"{name}.square",)) for name in made]
    ends = tuple(f"{name}.square" for name in made)
    return Graph("net", (Input("x", (1,)),), parameters, tuple(nodes), ends, constants)


def passes(of, weights):
    """Return the outputs and the gradients of their sum."""
    steps = plan(of, (1,), np.dtype(np.float64), random=np.random.default_rng(0))
    known = {**arrays_of(Network(of, weights), np.dtype(np.float64))}
    values = steps.run([np.zeros(1)], known, keep=None)
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    outputs = [values[name] for name in of.outputs]
    steps.backward([np.ones_like(y) for y in outputs], values, gradients)
    return sum(y.sum() for y in outputs), gradients


def check(of, low=-2.0, high=2.0):
    random = np.random.default_rng(1)
    weights = {p.name: random.uniform(low, high, p.shape) for p in of.parameters}
    _, gradients = passes(of, weights)
    for name, array in weights.items():
        for place in random.choice(array.size, min(array.size, 7), replace=False):
            index, sides = np.unravel_index(place, array.shape), []
            for step in (1e-6, -1e-6):
                moved = array.copy()
                moved[index] += step
                sides.append(passes(of, {**weights, name: moved})[0])
            wanted = (sides[0] - sides[1]) / 2e-6
            np.testing.assert_allclose(gradients[name][index], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "operator",
    [
        *(op.Abs(), op.Celu(0.7), op.Cos(), op.Elu(0.6), op.Erf(), op.Exp(), op.Gelu()),
        *(op.Gelu("tanh"), op.HardSigmoid(), op.HardSwish(), op.LeakyRelu(0.1), op.Mish()),
        *(op.Neg(), op.Selu(), op.Sin(), op.Softplus(), op.Softsign(), op.Swish(0.8)),
        *(op.Clip(-0.5, 1.0), op.Sigmoid(), op.Tanh(), op.Relu(), op.Cast("float")),
    ],
    ids=lambda o: o.onnx,
)
def test_functions(operator):
    check(graph(operator, [SHAPE]))


@pytest.mark.parametrize("operator", [op.Log(), op.Reciprocal(), op.Sqrt()])
def test_functions_of_positive_numbers(operator):
    check(graph(operator, [SHAPE]), low=0.5)


@pytest.mark.parametrize(
    "operator",
    [
        *(op.DepthToSpace(2), op.DepthToSpace(2, mode="CRD"), op.SpaceToDepth(2)),
        *(op.Expand((3, 1, 4, 2, 6)), op.Tile((2, 1, 1, 3)), op.Trilu()),
        *(op.Flatten(2), op.Reshape((0, -1)), op.Squeeze(()), op.Unsqueeze((0, -1))),
        *(op.Transpose((3, 0, 2, 1)), op.Transpose(), op.Slice((3, -1), (0, -9), (1, 3), (-2, -2))),
        *(op.Pad((0, 1), (1, 0), fill=3.0), op.Pad((1, 0, 0, 2), (0, -1, 0, 1), fill=3.0)),
        *(op.Pad((0, 2), (0, 3), mode="reflect"), op.Pad((1, 2), (1, 3), mode="edge")),
    ],
    ids=str,
)
def test_moves(operator):
    check(graph(operator, [SHAPE]))


def test_several_outputs():
    check(graph(op.Split((1, 3), axis=1), [SHAPE], outputs=2))


@pytest.mark.parametrize("indices", [[1, 1, -1], [[0, 2], [3, 2]], 2])
def test_what_is_picked_more_than_once(indices):
    check(graph(op.Gather(axis=1), [SHAPE], constants=(Constant.of("i", indices),)))


@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        (op.Sub(), [SHAPE, (4, 1, 1)]),
        (op.Div(), [(6,), SHAPE]),
        (op.Pow(), [SHAPE, (2, 1, 1, 6)]),
        (op.Max(), [SHAPE, (6,), (4, 1, 1)]),
        (op.Min(), [SHAPE, SHAPE]),
        (op.Sum(), [SHAPE, (), (2, 6)]),
        (op.Mean(), [SHAPE, (1,), (2, 6)]),
        (op.PRelu(), [SHAPE, (4, 1, 1)]),
        (op.Gemm(), [(3, 4), (5, 4), (5,)]),
        (op.Gemm(), [(3, 2, 4), (5, 4), (5,)]),
        (op.Gemm(), [(4,), (5, 4)]),
        (op.MatMul(), [(3, 2, 4), (4, 5)]),
        (op.MatMul(), [(3, 1, 2, 4), (2, 4, 5)]),
        (op.MatMul(), [(4,), (3, 4, 5)]),
        (op.MatMul(), [(3, 2, 4), (4,)]),
        (op.MatMul(), [(4,), (4,)]),
        (op.ReduceMean((1, -1)), [SHAPE]),
        (op.ReduceMean(keepdims=False), [SHAPE]),
        (op.ReduceSum((0,), keepdims=False), [SHAPE]),
    ],
    ids=str,
)
def test_several_terms(operator, shapes):
    check(graph(operator, shapes), low=0.5)


@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        (op.GroupNormalization(2, 1e-3), [SHAPE, (4,), (4,)]),
        (op.InstanceNormalization(1e-3), [SHAPE, (4,), (4,)]),
        (op.LayerNormalization(2, 1e-3), [SHAPE, (2, 6), (6,)]),
        (op.LayerNormalization(-1, 1e-3), [SHAPE, (6,)]),
        (op.LogSoftmax(1), [SHAPE]),
        (op.LRN(2, alpha=0.3), [SHAPE]),
        (op.LRN(3, alpha=0.3, beta=0.6, bias=2.0), [SHAPE]),
        (op.RMSNormalization(1, 1e-3), [SHAPE, (4, 1, 6)]),
        (op.Resize(scales=(2.0, 1.5), axes=(2, 3)), [SHAPE]),
        (op.Resize(sizes=(1, 9), axes=(2, 3), mode="linear"), [SHAPE]),
        (op.Resize(sizes=(3, 4), axes=(2, 3), mode="cubic", antialias=True), [SHAPE]),
        (op.Softmax(1, onwards=True), [SHAPE]),
        (op.Softmax(2), [SHAPE]),
    ],
    ids=str,
)
def test_norms_and_samples(operator, shapes):
    check(graph(operator, shapes))


def window(*how, **more):
    return st.geometry.Window.parse(*how, rank=2, **more)


@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        (op.Add(), [SHAPE, (4, 1, 1)]),
        (op.Mul(), [SHAPE, (2, 1, 1, 6)]),
        (op.Concat(1), [SHAPE, (2, 3, 2, 6)]),
        (op.Conv(window((2, 3), (1, 2), 1)), [SHAPE, (3, 4, 2, 3), (3,)]),
        (op.Conv(window((1, 2), 1, 0, (1, 3)), 2), [SHAPE, (6, 2, 1, 2)]),
        (
            op.ConvTranspose(st.geometry.TransposedWindow.parse(2, 2, 1, rank=2)),
            [SHAPE, (4, 3, 2, 2), (3,)],
        ),
        (op.BatchNormalization(1e-3), [SHAPE, (4,), (4,), (4,), (4,)]),
        (op.MaxPool(window(2, 1, 1)), [SHAPE]),
        (op.MaxPool(window((1, 3), 2, ceil=True)), [SHAPE]),
        (op.AveragePool(window((2, 3), 1, 1)), [SHAPE]),
        (op.AveragePool(window((2, 3), 2, 1, ceil=True), False), [SHAPE]),
        (op.GlobalAveragePool(), [SHAPE]),
        (op.GlobalMaxPool(), [SHAPE]),
        (op.Dropout(0.4), [SHAPE]),
        (op.Identity(), [SHAPE]),
        (op.ScaledTanh(), [SHAPE]),
    ],
    ids=str,
)
def test_layers(operator, shapes):
    check(graph(operator, shapes), low=-0.9)


def test_elements_that_are_picked():
    indices = np.random.default_rng(0).integers(-2, 2, (2, 4, 3, 6))
    check(graph(op.GatherElements(2), [SHAPE], constants=(Constant.of("i", indices),)))


def test_every_operator_with_a_gradient_is_here():
    tested = set(re.findall(r"op\.(\w+)\(", Path(__file__).read_text(encoding="utf-8")))
    assert tested >= {operator.__name__ for operator in (*STEPS, *DEFINED)}


def test_a_choice():
    constants = (Constant.of("c", np.random.default_rng(0).random(SHAPE) > 0.5),)
    parameters = tuple(
        Parameter(n, s, Initial("normal", 1)) for n, s in (("a", SHAPE), ("b", (6,)))
    )
    nodes = (Node("y", op.Where(), ("c", "a", "b"), ("y",)),)
    check(Graph("net", (Input("x", (1,)),), parameters, nodes, ("y",), constants))


def classifier(*, last):
    """Return a network as files have it: scaled inputs, computed shapes, two outputs."""
    constants = (Constant.of("mean", 0.5), Constant.of("places", [0, 2]))
    shapes = {"w": (4, 3, 3, 3), "b": (4,), "fc": (2, 5)}
    parameters = tuple(Parameter(n, s, Initial("normal", 0.3)) for n, s in shapes.items())
    window = st.geometry.Window.parse(3, padding=1, rank=2)
    nodes = [
        Node("scaled", op.Sub(), ("x", "mean"), ("scaled",)),
        Node("conv", op.Conv(window), ("scaled", "w", "b"), ("conv",)),
        Node("active", op.HardSwish(), ("conv",), ("active",)),
        Node("picked", op.Gather(axis=1), ("active", "places"), ("picked",)),
        Node("mean2", op.ReduceMean((2, 3), keepdims=False), ("picked",), ("mean2",)),
        Node("scores", op.MatMul(), ("mean2", "fc"), ("scores",)),
        Node("end", last, ("scores",), ("end",)),
        Node("class", op.ArgMax(axis=1), ("end",), ("class",)),
    ]
    inputs = (Input("x", (None, 3, 8, 8)),)
    return Network(Graph("net", inputs, parameters, tuple(nodes), ("end", "active"), constants))


def test_networks_of_many_operators_learn():
    net = Trainable(classifier(last=op.LeakyRelu(0.1)))
    x = np.random.default_rng(0).standard_normal((6, 3, 8, 8)).astype(np.float32)
    losses = []
    for _ in range(30):
        end, active = net.forward(x)
        losses.append(((end - 1) ** 2).sum() + 0.01 * (active**2).sum())
        net.backward(2 * (end - 1), 0.02 * active)
        net.parameters -= 0.003 * net.gradients
    assert losses[-1] < 0.7 * losses[0]
    assert np.all(np.diff(losses) < 0)


def test_what_has_no_gradient_is_named():
    net = Trainable(classifier(last=op.Hardmax()))
    with pytest.raises(TrainingError) as caught:
        net.forward(np.zeros((1, 3, 8, 8), np.float32))
    assert str(caught.value) == (
        "net: end (Hardmax) has no gradient here, so what lies before it cannot learn: "
        "freeze those parameters (trainable=False), or train without it"
    )
