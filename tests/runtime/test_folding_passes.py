"""Passes over graphs leave what networks compute."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.geometry import TransposedWindow, Window
from striate.network import Constant, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.folding import folded

START = Initial("constant", 0.0)
CONV = op.Conv(Window.parse(3, padding=1, rank=2))


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(0.5, 1, shape).astype(np.float32)


def network(nodes, weights=None, constants=(), shape=(2, 4, 6, 6), outputs=None):
    weights = weights or {}
    parameters = tuple(Parameter(name, w.shape, START) for name, w in weights.items())
    outputs = outputs or nodes[-1].outputs
    inputs = (Input("x", shape),)
    return Network(Graph("example", inputs, parameters, tuple(nodes), outputs, constants), weights)


def kinds(net):
    return [node.operator.onnx for node in net.graph.nodes]


def same(net, **how):
    """Check that the folded network computes the same, in double precision."""
    lean = folded(net)
    x = normal(*net.graph.inputs[0].shape).astype(np.float64)
    want, got = (st.compile(each, dtype=np.float64)(x) for each in (net, lean))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    return lean


def test_what_changes_nothing_goes():
    lean = same(
        network(
            [
                Node("same", op.Identity(), ("x",), ("same",)),
                Node("drop", op.Dropout(0.5), ("same",), ("drop",)),
                Node("cast", op.Cast("float"), ("drop",), ("cast",)),
                Node("sum", op.Sum(), ("cast",), ("sum",)),
                Node("relu", op.Relu(), ("sum",), ("relu",)),
            ]
        )
    )
    assert kinds(lean) == ["Relu"]
    assert lean.graph.nodes[0].inputs == ("x",)


def test_casts_to_other_kinds_stay():
    nodes = [
        Node("c", op.Cast("int64"), ("x",), ("c",)),
        Node("f", op.Cast("float"), ("c",), ("f",)),
    ]
    assert kinds(same(network(nodes))) == ["Cast", "Cast"]


def test_transposes_that_undo_each_other_go():
    there, back = op.Transpose((0, 2, 3, 1)), op.Transpose((0, 3, 1, 2))
    nodes = [
        Node("a", there, ("x",), ("a",)),
        Node("b", back, ("a",), ("b",)),
        Node("c", op.Relu(), ("b",), ("c",)),
    ]
    assert kinds(same(network(nodes))) == ["Relu"]
    twice = [Node("a", there, ("x",), ("a",)), Node("b", there, ("a",), ("b",))]
    lean = same(network(twice))
    assert [node.operator for node in lean.graph.nodes] == [op.Transpose((0, 3, 1, 2))]
    reverse = [Node("a", op.Transpose(), ("x",), ("a",)), Node("b", op.Transpose(), ("a",), ("b",))]
    relu = Node("c", op.Relu(), ("b",), ("c",))
    assert kinds(same(network([*reverse, relu]))) == ["Relu"]


def test_sums_of_two_are_additions():
    nodes = [Node("s", op.Sum(), ("x", "x"), ("s",)), Node("t", op.Sum(), ("s",) * 3, ("t",))]
    assert kinds(same(network(nodes))) == ["Add", "Sum"]


@pytest.mark.parametrize(
    ("pad", "taken"),
    [
        (op.Pad((1, 2), (0, 3)), True),
        (op.Pad((0, 0, 1, 2), (0, 0, 0, 3)), True),
        (op.Pad((0, 1, 2), (0, 0, 3)), True),
        (op.Pad((1, 2), (0, 3), 1.0), False),
        (op.Pad((1, 2), (0, 3), mode="edge"), False),
        (op.Pad((-1, 2), (0, 3)), False),
        (op.Pad((2, 0, 0), (2, 0, 0)), False),
    ],
    ids=str,
)
def test_convolutions_pad_for_themselves(pad, taken):
    channels = 8 if pad.before[0] == 2 else 4
    nodes = [Node("p", pad, ("x",), ("p",)), Node("c", CONV, ("p", "w"), ("c",))]
    lean = same(network(nodes, {"w": normal(5, channels, 3, 3)}))
    assert kinds(lean) == (["Conv"] if taken else ["Pad", "Conv"])


def test_padding_that_others_read_stays():
    nodes = [
        Node("p", op.Pad((1, 1), (1, 1)), ("x",), ("p",)),
        Node("c", op.Conv(Window.parse(3, rank=2)), ("p", "w"), ("c",)),
        Node("q", op.MaxPool(Window.parse(3, rank=2)), ("p",), ("q",)),
        Node("y", op.Add(), ("c", "q"), ("y",)),
    ]
    assert kinds(same(network(nodes, {"w": normal(4, 4, 3, 3)}))) == kinds(
        network(nodes, {"w": normal(4, 4, 3, 3)})
    )


LAYERS = {
    "conv": (CONV, (5, 4, 3, 3), (2, 4, 6, 6), 4),
    "grouped": (op.Conv(Window.parse(3, rank=2), groups=2), (6, 2, 3, 3), (2, 4, 6, 6), 4),
    "up": (op.ConvTranspose(TransposedWindow.parse(2, 2, rank=2)), (4, 5, 2, 2), (2, 4, 6, 6), 4),
    "up grouped": (
        op.ConvTranspose(TransposedWindow.parse(2, 2, rank=2), groups=2),
        (4, 3, 2, 2),
        (2, 4, 6, 6),
        4,
    ),
    "gemm": (op.Gemm(), (5, 7), (2, 7), 2),
}
FOLLOWERS = {
    "times": lambda layer, c: Node("y", op.Mul(), (layer, c), ("y",)),
    "times before": lambda layer, c: Node("y", op.Mul(), (c, layer), ("y",)),
    "plus": lambda layer, c: Node("y", op.Add(), (c, layer), ("y",)),
    "minus": lambda layer, c: Node("y", op.Sub(), (layer, c), ("y",)),
    "from": lambda layer, c: Node("y", op.Sub(), (c, layer), ("y",)),
    "over": lambda layer, c: Node("y", op.Div(), (layer, c), ("y",)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("follower", FOLLOWERS)
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("single", [True, False])
def test_layers_take_in_what_scales_and_shifts_their_maps(layer, follower, biased, single):
    operator, shape, x, rank = LAYERS[layer]
    maps = shape[0]
    if isinstance(operator, op.ConvTranspose):
        maps = shape[1] * operator.groups
    weights = {"w": normal(*shape)}
    if biased:
        weights["b"] = normal(maps, seed=2)
    constants = ()
    if single:
        constants = (Constant.of("c", 1.7),)
    else:
        weights["c"] = 1 + np.abs(normal(maps, *(1,) * (rank - 2), seed=3))
    names = ("x", "w", "b") if biased else ("x", "w")
    nodes = [Node("l", operator, names, ("l",)), FOLLOWERS[follower]("l", "c")]
    lean = same(network(nodes, weights, constants, x))
    assert kinds(lean) == [operator.onnx]


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_take_in_batch_norms_and_what_follows(layer):
    operator, shape, x, _ = LAYERS[layer]
    maps = shape[1] * operator.groups if isinstance(operator, op.ConvTranspose) else shape[0]
    names = ("scale", "shift", "mean", "variance")
    weights = {name: 0.5 + np.abs(normal(maps, seed=i)) for i, name in enumerate(names)}
    weights["w"] = normal(*shape)
    nodes = [
        Node("l", operator, ("x", "w"), ("l",)),
        Node("n", op.BatchNormalization(1e-3), ("l", *names), ("n",)),
        Node("y", op.Mul(), ("n", "c"), ("y",)),
    ]
    lean = same(network(nodes, weights, (Constant.of("c", 0.25),), x))
    assert kinds(lean) == [operator.onnx]


def test_what_is_not_for_each_map_stays():
    weights = {"w": normal(4, 4, 3, 3)}
    layer = Node("l", CONV, ("x", "w"), ("l",))
    for name, array in {
        "row": normal(6),
        "pixels": normal(4, 6, 6),
        "example": normal(2, 4, 1, 1),
        "more axes": normal(1, 1, 4, 1, 1),
    }.items():
        nodes = [layer, Node("y", op.Mul(), ("l", "c"), ("y",))]
        assert kinds(same(network(nodes, {**weights, "c": array}))) == ["Conv", "Mul"], name
    nodes = [layer, Node("y", op.Div(), ("c", "l"), ("y",))]
    assert kinds(folded(network(nodes, {**weights, "c": normal(4, 1, 1)}))) == ["Conv", "Div"]
    nodes = [layer, Node("y", op.Div(), ("l", "c"), ("y",))]
    zero = {**weights, "c": np.zeros((4, 1, 1), np.float32)}
    assert kinds(folded(network(nodes, zero))) == ["Conv", "Div"]


def test_shared_weights_and_values_that_others_read_stay():
    weights = {"w": normal(4, 4, 3, 3), "c": normal(4, 1, 1)}
    nodes = [
        Node("l", CONV, ("x", "w"), ("l",)),
        Node("m", CONV, ("l", "w"), ("m",)),
        Node("y", op.Mul(), ("m", "c"), ("y",)),
    ]
    assert kinds(same(network(nodes, weights))) == ["Conv", "Conv", "Mul"]
    nodes = [Node("l", CONV, ("x", "w"), ("l",)), Node("y", op.Mul(), ("l", "c"), ("y",))]
    lean = folded(network(nodes, weights, outputs=("y", "l")))
    assert kinds(lean) == ["Conv", "Mul"]


@pytest.mark.parametrize("axes", [(), (3,), (3, 4)])
def test_linear_layers_of_sequences_take_in_what_works_on_their_last_axis(axes):
    x, weights = (2, *axes, 7), {"w": normal(5, 7), "c": normal(5, seed=1)}
    nodes = [Node("l", op.Gemm(), ("x", "w"), ("l",)), Node("y", op.Mul(), ("l", "c"), ("y",))]
    assert kinds(same(network(nodes, weights, (), x))) == ["Gemm"]


def test_what_works_on_another_axis_of_sequences_stays():
    """Batch norms work on axis 1; more axes than the layer's result has are added to it."""
    names = ("scale", "shift", "mean", "variance")
    weights = {name: 0.5 + np.abs(normal(5, seed=i)) for i, name in enumerate(names)}
    weights["w"] = normal(5, 7)
    nodes = [
        Node("l", op.Gemm(), ("x", "w"), ("l",)),
        Node("y", op.BatchNormalization(), ("l", *names), ("y",)),
    ]
    assert kinds(same(network(nodes, weights, (), (2, 5, 7)))) == ["Gemm", "BatchNormalization"]
    weights = {"w": normal(5, 7), "c": normal(1, 5)}
    nodes = [Node("l", op.Gemm(), ("x", "w"), ("l",)), Node("y", op.Add(), ("l", "c"), ("y",))]
    assert kinds(same(network(nodes, weights, (), (7,)))) == ["Gemm", "Add"]
    assert kinds(same(network(nodes, weights, (), (2, 7)))) == ["Gemm"]
