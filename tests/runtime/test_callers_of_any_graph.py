"""Several callers at once of a network whose values are of several kinds, partly in Python."""

import threading

import numpy as np
import pytest

import striate as st
from striate.network import Deferred, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op


def mixed():
    """Return a network of two inputs: one decides the shape of an output, another is an index."""
    window = st.geometry.Window.parse(3, padding=1, rank=2)
    nodes = (
        Node("conv", op.Conv(window), ("x", "w"), ("conv",)),
        Node("picked", op.Gather(axis=1), ("conv", "i"), ("picked",)),
        Node("more", op.CumSum(axis=1), ("picked",), ("more",)),
        Node("sum", op.Add(), ("more", "picked"), ("sum",)),
        Node("rows", Deferred(op.Reshape, (), ("shape",)), ("sum", "s"), ("rows",)),
        Node("best", op.ArgMax(axis=-1), ("rows",), ("best",)),
    )
    inputs = (
        Input("x", (None, 3, 8, 8)),
        Input("i", (2,), "int64"),
        Input("s", (None,), "int64"),
    )
    w = np.random.default_rng(0).standard_normal((20, 3, 3, 3)).astype(np.float32)
    parameters = (Parameter("w", w.shape, Initial("normal", 1)),)
    return Network(Graph("mixed", inputs, parameters, nodes, ("rows", "best")), {"w": w})


@pytest.mark.parametrize("threads", [1, 2])
def test_each_caller_gets_its_own(threads):
    run = st.compile(mixed(), threads=threads)
    random = np.random.default_rng(1)
    calls = []
    for n in range(24):
        x = random.standard_normal((1 + n % 3, 3, 8, 8)).astype(np.float32)
        shape = ([-1, 64], [-1, 8], [len(x), 2, 64])[n % 3]
        calls.append((x, random.integers(0, 20, 2), np.array(shape)))
    wanted = [st.compile(mixed(), threads=1)(*call) for call in calls]
    found = [None] * len(calls)

    def work(first):
        for _ in range(5):
            for n in range(first, len(calls), 4):
                found[n] = run(*calls[n])

    workers = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for results, expected in zip(found, wanted, strict=True):
        for y, same in zip(results, expected, strict=True):
            np.testing.assert_array_equal(y, same)


def test_results_stay_when_others_are_computed():
    run = st.compile(mixed())
    random = np.random.default_rng(2)
    x = random.standard_normal((2, 3, 8, 8)).astype(np.float32)
    first = run(x, np.array([1, 2]), np.array([-1, 64]))
    kept = [y.copy() for y in first]
    run(-x, np.array([3, 4]), np.array([-1, 64]))
    for y, same in zip(first, kept, strict=True):
        np.testing.assert_array_equal(y, same)
