"""Gathers by known indices as slices, against their definition."""

from __future__ import annotations

import numpy as np
import pytest

import striate as st
from striate.network import Constant, Graph, Input, Network, Node
from striate.network import operators as op
from striate.runtime.lowering import IN_PYTHON

X = np.arange(2 * 19 * 6 * 8, dtype=np.float32).reshape(2, 19, 6, 8)
MANY = np.random.default_rng(0).permutation(19)


@pytest.mark.parametrize(
    ("axis", "indices"),
    [
        *((1, 0), (1, -1), (-1, 3), (0, 1)),
        *((1, [2, 3, 4]), (1, [18, 17, 16]), (1, list(range(18, -1, -1))), (-1, [7, 5, 3, 1])),
        *((1, [3, 1, 0, 2]), (2, [5, 5, 5]), (3, [-1, 0]), (1, [16])),
        (0, [1, 0]),
    ],
    ids=str,
)
@pytest.mark.parametrize("in_blocks", [False, True])
def test_known_indices_are_slices(axis, indices, in_blocks):
    places = np.array(indices, np.int64)
    nodes = [
        Node("a", op.LeakyRelu(), ("x",), ("a",)),
        Node("g", op.Gather(axis), ("a", "i"), ("g",)),
        Node("y", op.Neg(), ("g",), ("y",)),
    ]
    if in_blocks:
        nodes[0] = Node("a", op.InstanceNormalization(1.0), ("x", "s", "s"), ("a",))
    constants = (Constant.of("i", places), Constant.of("s", np.ones(19, np.float32)))
    graph = Graph("example", (Input("x", X.shape),), (), tuple(nodes), ("y",), constants)
    run = st.compile(Network(graph), threads=1)
    assert IN_PYTHON not in [step.method for step in run.plan.steps]
    given = nodes[0].operator.value(X, *[np.ones(19, np.float32)] * (2 * in_blocks))
    wanted = -np.take(given, places, axis)
    found = run(X)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("indices", [MANY, [[0, 1], [1, 0]], np.zeros((0,), np.int64)], ids=str)
def test_other_indices_are_left_to_python(indices):
    places = np.array(indices, np.int64)
    constants = (Constant.of("i", places),)
    node = Node("y", op.Gather(1), ("x", "i"), ("y",))
    graph = Graph("example", (Input("x", X.shape),), (), (node,), ("y",), constants)
    run = st.compile(Network(graph), threads=1)
    assert [step.method for step in run.plan.steps] == [IN_PYTHON]
    np.testing.assert_array_equal(run(X), np.take(X, places, 1))
