"""Products of two computed matrices by machine code, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.network import Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.lowering import IN_PYTHON

START = Initial("constant", 0.0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def compiled(shapes, nodes, weights=None):
    weights = weights or {}
    inputs = tuple(Input(name, shape) for name, shape in shapes.items())
    parameters = tuple(Parameter(name, w.shape, START) for name, w in weights.items())
    graph = Graph("example", inputs, parameters, tuple(nodes), ("y",))
    return st.compile(Network(graph, weights), threads=1)


def methods(run, *arrays):
    shapes = {f"x{i}": a.shape for i, a in enumerate(arrays)}
    return [step.method for step in run.plan_for(shapes).steps]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5, 7), (7, 4)),
        ((2, 3, 50, 33), (2, 3, 33, 60)),
        ((2, 3, 5, 9), (9, 4)),
        ((2, 3, 5, 9), (3, 9, 4)),
        ((3, 5, 9), (2, 3, 9, 4)),
        ((2, 1, 5, 9), (1, 3, 9, 4)),
        ((2, 1, 3, 5, 9), (1, 4, 1, 9, 4)),
        ((9,), (2, 9, 4)),
        ((2, 5, 9), (9,)),
        ((9,), (9,)),
    ],
    ids=str,
)
def test_two_values_are_multiplied(left, right):
    a, b = normal(*left), normal(*right, seed=1)
    run = compiled({"x0": left, "x1": right}, [Node("y", op.MatMul(), ("x0", "x1"), ("y",))])
    native = len(left) < 5  # more axes of pairs are left to Python
    assert (IN_PYTHON not in methods(run, a, b)) == native
    y = run(a, b)
    wanted = a.astype(np.float64) @ b
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("first", [True, False])
def test_matrices_of_weights_are_multiplied(first):
    x, w = normal(2, 3, 5, 9), normal(*((4, 5) if first else (3, 9, 6)), seed=1)
    names = ("w", "x0") if first else ("x0", "w")
    run = compiled({"x0": x.shape}, [Node("y", op.MatMul(), names, ("y",))], {"w": w})
    assert methods(run, x) == ["pairs of matrices"]
    wanted = w @ x if first else x @ w
    np.testing.assert_allclose(run(x), wanted, rtol=1e-5, atol=1e-5)


def test_attention():
    q, k, v = (normal(2, 3, 50, 16, seed=seed) for seed in range(3))
    nodes = [
        Node("turned", op.Transpose((0, 1, 3, 2)), ("x1",), ("turned",)),
        Node("scores", op.MatMul(), ("x0", "turned"), ("scores",)),
        Node("scaled", op.Mul(), ("scores", "w"), ("scaled",)),
        Node("shares", op.Softmax(-1), ("scaled",), ("shares",)),
        Node("y", op.MatMul(), ("shares", "x2"), ("y",)),
    ]
    shapes = {f"x{i}": q.shape for i in range(3)}
    run = compiled(shapes, nodes, {"w": np.full((1,), 0.25, np.float32)})
    # The transpose and the factor are done by the products.
    assert methods(run, q, k, v) == ["pairs of matrices", "rows", "pairs of matrices"]
    powers = np.exp(q.astype(np.float64) @ k.swapaxes(-1, -2) / 4)
    wanted = powers / powers.sum(-1, keepdims=True) @ v
    np.testing.assert_allclose(run(q, k, v), wanted, rtol=1e-5, atol=1e-5)


def test_a_transpose_that_others_read_stays():
    x = normal(6, 5)
    nodes = [
        Node("t", op.Transpose(), ("x0",), ("t",)),
        Node("p", op.MatMul(), ("x0", "t"), ("p",)),
        Node("y", op.MatMul(), ("t", "p"), ("y",)),
    ]
    run = compiled({"x0": x.shape}, nodes)
    assert methods(run, x) == ["moved", "pairs of matrices", "pairs of matrices"]
    np.testing.assert_allclose(run(x), x.T @ (x @ x.T), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 3, 9), (2, 40, 9), (2, 3, 20, 9), (40, 9), (9,)], ids=str)
@pytest.mark.parametrize("biased", [True, False])
def test_linear_layers_of_any_axes(shape, biased):
    x, weights = normal(*shape), {"w": normal(19, 9, seed=1)}
    if biased:
        weights["b"] = normal(19, seed=2)
    nodes = [Node("l", op.Gemm(), ("x0", *weights), ("l",)), Node("y", op.Relu(), ("l",), ("y",))]
    run = compiled({"x0": shape}, nodes, weights)
    many = len(shape) > 2 and x.size // 9 >= 32
    assert methods(run, x) == ["rows as pixels" if many else "rows of weights"]
    wanted = np.maximum(x.astype(np.float64) @ weights["w"].T + weights.get("b", 0), 0)
    np.testing.assert_allclose(run(x), wanted, rtol=1e-5, atol=1e-5)


def test_a_weight_of_layers_and_of_products():
    """One matrix, packed as it is for the one, and turned for the other."""
    x, weights = normal(2, 40, 8), {"w": normal(8, 8, seed=1)}
    nodes = [
        Node("l", op.Gemm(), ("x0", "w"), ("l",)),
        Node("y", op.MatMul(), ("l", "w"), ("y",)),
    ]
    run = compiled({"x0": x.shape}, nodes, weights)
    w = weights["w"].astype(np.float64)
    np.testing.assert_allclose(run(x), x @ w.T @ w, rtol=1e-4, atol=1e-4)
