"""What no input changes is computed once, unless that would need much memory."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import striate as st
from striate.geometry import Window
from striate.network import Constant, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime import constants


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def network(nodes, outputs, weights, *, shape=(None, 3, 7, 7), more=()):
    parameters = tuple(Parameter(n, a.shape, Initial("normal", 1)) for n, a in weights.items())
    made = tuple(Node(o, operator, tuple(i), (o,)) for operator, i, o in nodes)
    graph = Graph("net", (Input("x", shape),), parameters, made, outputs, tuple(more))
    return Network(graph, weights)


def normalized():
    """Return a convolution of which the weight is normalized by the graph, and a gain computed."""
    nodes = [
        (op.ReduceL2((1, 2, 3)), ["v"], "norm"),
        (op.Div(), ["v", "norm"], "direction"),
        (op.Mul(), ["direction", "g"], "weight"),
        (op.Conv(Window.parse(3, rank=2)), ["x", "weight"], "conv"),
        (op.Sqrt(), ["two"], "gain"),
        (op.Mul(), ["conv", "gain"], "y"),
    ]
    weights = {"v": numbers(5, 3, 3, 3), "g": numbers(5, 1, 1, 1, seed=1)}
    return network(nodes, ("y",), weights, more=[Constant.of("two", 2.0)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_that_the_graph_computes(dtype):
    net, x = normalized(), numbers(2, 3, 7, 7, seed=2).astype(dtype)
    v, g = (torch.tensor(net.weights[name].astype(np.float64)) for name in ("v", "g"))
    weight = v / v.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1) * g
    wanted = F.conv2d(torch.tensor(x.astype(np.float64)), weight).numpy() * 2**0.5
    run = st.compile(net, dtype=dtype)
    near = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run(x), wanted, rtol=near, atol=near)
    assert list(run.values(x)) == ["norm", "direction", "weight", "conv", "gain", "y"]
    np.testing.assert_allclose(run.values(x)["weight"], weight.numpy(), rtol=1e-6)


def test_they_are_no_longer_steps():
    done = {name for step in st.compile(normalized()).plan.steps for name in step.names}
    assert done.isdisjoint({"norm", "direction", "weight", "gain"})


def test_large_values_are_computed_each_time(monkeypatch):
    monkeypatch.setattr(constants, "LARGE", 10)
    nodes = [
        (op.Expand((4, 3, 2, 2)), ["w"], "wide"),
        (op.Neg(), ["w"], "same size"),
        (op.Add(), ["wide", "same size"], "both"),
        (op.Add(), ["x", "both"], "y"),
    ]
    net = network(nodes, ("y",), {"w": numbers(1, 3, 2, 2)}, shape=(4, 3, 2, 2))
    run, x = st.compile(net), numbers(4, 3, 2, 2, seed=1)
    np.testing.assert_allclose(run(x), x, atol=1e-6)
    done = {name for step in run.plan.steps for name in step.names}
    assert done == {"wide", "both", "y"}


def test_weights_computed_from_data():
    """A convolution whose weight depends on the input, and a matrix product too."""
    nodes = [
        (op.Slice((0,), (3,), (2,)), ["x"], "rows"),
        (op.Slice((0,), (3,), (3,)), ["rows"], "weight"),
        (op.Conv(Window.parse(3, rank=2)), ["x", "weight"], "conv"),
        (op.Flatten(), ["conv"], "flat"),
        (op.Gemm(), ["flat", "flat"], "y"),
    ]
    x = numbers(2, 3, 7, 7)
    conv = F.conv2d(torch.tensor(x), torch.tensor(x[:, :, :3, :3])).flatten(1)
    run = st.compile(network(nodes, ("y",), {}))
    np.testing.assert_allclose(run(x), (conv @ conv.T).numpy(), rtol=1e-4)
    assert [step.in_python for step in run.plan_for(x.shape).steps if step.operator == "Conv"] == [
        True
    ]


def test_what_follows_from_shapes_is_computed_once_for_each():
    """A mean as sum / count, where the count is computed: both shapes give their own."""
    nodes = [
        (op.Size(), ["x"], "count"),
        (op.Cast("float"), ["count"], "number"),
        (op.ReduceSum(), ["x"], "sum"),
        (op.Div(), ["sum", "number"], "y"),
    ]
    run = st.compile(network(nodes, ("y",), {}, shape=(None, 3, None, None)))
    for shape in ((2, 3, 4, 4), (1, 3, 5, 2), (2, 3, 4, 4)):
        x = numbers(*shape)
        np.testing.assert_allclose(run(x).item(), x.mean(), rtol=1e-4, atol=1e-6)
        done = {name for step in run.plan_for(shape).steps for name in step.names}
        assert done == {"sum", "y"}


def test_weights_made_for_one_shape_stay_with_it():
    """What is packed of computed weights is known by name, but they differ between shapes."""
    nodes = [
        (op.Shape(3, 4), ["x"], "width"),
        (op.Cast("float"), ["width"], "number"),
        (op.Mul(), ["w", "number"], "weight"),
        (op.Conv(Window.parse(1, rank=2)), ["x", "weight"], "y"),
    ]
    run = st.compile(network(nodes, ("y",), {"w": numbers(4, 3, 1, 1)}, shape=(1, 3, None, None)))
    for width in (4, 9, 4, 5):
        x = numbers(1, 3, 4, width)
        wanted = np.einsum("oc,nchw->nohw", run.network.weights["w"][..., 0, 0], x) * width
        np.testing.assert_allclose(run(x), wanted, rtol=1e-4, atol=1e-4)
