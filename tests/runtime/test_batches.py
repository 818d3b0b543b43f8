"""Batches that are cut into parts: only where no example has to do with another."""

import numpy as np
import pytest

import striate as st
from striate.network import Constant, Deferred, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime import engines

SIZES = (None, 4, 6)
X = (Input("x", SIZES),)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def network(*nodes, outputs=("y",), inputs=X, weights=None, constants=()):
    weights = weights or {}
    parameters = tuple(
        Parameter(n, a.shape, Initial("normal", 1), kind="float") for n, a in weights.items()
    )
    made = tuple(Node(o[0], operator, tuple(i), tuple(o)) for operator, i, o in nodes)
    return Network(Graph("net", tuple(inputs), parameters, made, outputs, constants), weights)


def one(operator):
    return network((operator, ["x"], ["y"]))


def by_sizes(operator_type, **attributes):
    """Return a network whose setting is a computed shape: examples first, the rest in a row."""
    nodes = [
        (op.Shape(0, 1), ["x"], ["examples"]),
        (op.Concat(axis=0), ["examples", "rest"], ["sizes"]),
        (Deferred(operator_type, tuple(attributes.items()), ("shape",)), ["x", "sizes"], ["y"]),
    ]
    return network(*nodes, constants=(Constant.of("rest", [24]),))


APART = {
    "elements": one(op.Exp()),
    "softmax": one(op.Softmax(-1)),
    "rows": one(op.Softmax(1, onwards=True)),
    "mean": one(op.ReduceMean((1, -1), keepdims=False)),
    "turned": one(op.Transpose((0, 2, 1))),
    "flat": one(op.Flatten()),
    "reshaped": one(op.Reshape((0, 3, 8))),
    "rest": one(op.Reshape((-1, 24))),
    "by sizes": by_sizes(op.Reshape),
    "padded": one(op.Pad((0, 1, 2), (0, 0, 1))),
    "sliced": one(op.Slice((1,), (3,), (-1,))),
    "largest": one(op.ArgMax(axis=-1)),
    "summed": one(op.CumSum(axis=1)),
    "longer": one(op.Unsqueeze((1,))),
    "norm": one(op.LpNormalization(axis=1)),
    "two": network(
        (op.Split((1, 3), axis=1), ["x"], ["a", "b"]),
        (op.Concat(axis=1), ["b", "a"], ["y"]),
        (op.TopK(2), ["x"], ["most", "places"]),
        outputs=("y", "most", "places"),
    ),
    "weights": network(
        (op.MatMul(), ["x", "w"], ["z"]),
        (op.Add(), ["z", "b"], ["y"]),
        weights={"w": numbers(6, 3), "b": numbers(1, 1, 3)},
    ),
    "products": network((op.Transpose((0, 2, 1)), ["x"], ["t"]), (op.MatMul(), ["x", "t"], ["y"])),
    "inputs": network(
        (op.Mul(), ["x", "z"], ["y"]), inputs=(Input("x", SIZES), Input("z", (None, 1, 6)))
    ),
}

TOGETHER = {
    "softmax": one(op.Softmax(0)),
    "all": one(op.Softmax(-3, onwards=True)),
    "mean": network((op.ReduceMean((0,)), ["x"], ["m"]), (op.Sub(), ["x", "m"], ["y"])),
    "everything": network(
        (op.ReduceMean(keepdims=False), ["x"], ["m"]), (op.Sub(), ["x", "m"], ["y"])
    ),
    "turned": one(op.Transpose()),
    "backwards": one(op.Slice((-1,), (-99,), (0,), (-1,))),
    "summed": one(op.CumSum(axis=0)),
    "joined": network((op.Concat(axis=0), ["x", "x"], ["y"])),
    "padded": one(op.Pad((1, 0, 0), (-1, 0, 0))),
    "largest": one(op.ArgMax(axis=0)),
    "repeated": one(op.Tile((2, 1, 1))),
    "rows": network((op.Reshape((4, -1)), ["x"], ["y"])),
    "flat": one(op.Flatten(axis=2)),
    "first": network((op.Gather(axis=0), ["x", "i"], ["y"]), constants=(Constant.of("i", [1]),)),
    "others": network(
        (op.ReduceMean((1,), keepdims=False), ["x"], ["m"]), (op.Mul(), ["x", "m"], ["y"])
    ),
    "weights": network((op.Add(), ["x", "w"], ["y"]), weights={"w": numbers(4, 4, 6)}),
    "places": network(
        (op.MaxPool(st.geometry.Window.parse(2, rank=1), indices=True), ["x"], ["y", "i"]),
        outputs=("y", "i"),
    ),
    "inputs": network(
        (op.Mul(), ["x", "z"], ["y"]), inputs=(Input("x", SIZES), Input("z", (1, 1, 6)))
    ),
    "transformed": network(
        (op.Transpose((1, 0, 2)), ["x"], ["t"]),
        (op.Softmax(1), ["t"], ["s"]),
        (op.Transpose((1, 0, 2)), ["s"], ["y"]),
    ),
}


def arrays(net, examples):
    """Return inputs with that many examples."""
    sizes = [[examples if s is None else s for s in value.shape] for value in net.graph.inputs]
    return [numbers(*shape, seed=n) for n, shape in enumerate(sizes)]


def same(net, given):
    """Compare with the network as it is, in float64."""
    found = st.compile(net)(*given)
    wanted = st.compile(net, dtype=np.float64)(*(array.astype(np.float64) for array in given))
    if not isinstance(found, tuple):
        found, wanted = (found,), (wanted,)
    for y, expected in zip(found, wanted, strict=True):
        assert y.flags.c_contiguous
        assert y.dtype == (np.float32 if expected.dtype == np.float64 else expected.dtype)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(autouse=True)
def small_cache(monkeypatch):
    monkeypatch.setattr(engines, "THIRD_LEVEL", 400)


def divided(net, given):
    native = st.compile(net)._native
    return native.at_once(native._cases.of(given))


@pytest.mark.parametrize("name", APART)
def test_examples_that_are_apart_are_cut(name):
    net = APART[name]
    given = arrays(net, 7)
    assert 0 < divided(net, given) < 7
    same(net, given)


@pytest.mark.parametrize("name", TOGETHER)
def test_examples_that_meet_are_not_cut(name):
    net = TOGETHER[name]
    given = arrays(net, 4)
    assert divided(net, given) == 0
    same(net, given)


def test_a_batch_of_the_size_of_an_axis():
    """Rows of x (N, 4, 6) times means (N, 6), of which N rows meet 4 channels where N is 4."""
    net = network(
        (op.ReduceMean((1,), keepdims=False), ["x"], ["m"]), (op.Mul(), ["x", "m"], ["y"])
    )
    same(net, [numbers(4, 4, 6)])


def test_every_rule_is_of_an_operator_that_exists():
    from striate.runtime.batches import RULES

    assert all(issubclass(operator, st.network.Operator) for operator in RULES)
