"""Which nodes run as one step, in which order, and which must not."""

from math import inf

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network, infer_shapes
from striate.network import operators as op
from striate.runtime.folding import folded
from striate.runtime.lowering.fusion import fused, readers_of
from striate.runtime.lowering.weights import Weights


def builder(channels=4):
    return Builder("b", (None, channels, 6, 6))


def conv(b, x, name, **how):
    return b.conv(x, name, channels=4, kernel=3, padding=1, **how)


def steps(b, *outputs, native=lambda node: True):
    graph = b.graph(*outputs)
    shapes = infer_shapes(graph, (2, 4, 6, 6))
    weights = Weights(dict(Network(graph).initialize(0).weights))
    return fused(graph, native, shapes, weights)


def names(b, *outputs, **how):
    return [step.names for step in steps(b, *outputs, **how)]


def test_a_convolution_takes_the_sum_and_the_bounds_behind_it():
    b = builder()
    x = conv(b, b.input, "conv")
    y = b.add(op.Relu(), b.add(op.Add(), x, b.input, name="sum"), name="relu")
    (step,) = steps(b, y)
    assert step.names == ("conv", "sum", "relu")
    assert step.node.name == "conv"
    assert (step.output, step.residual) == ("relu", "input")
    assert (step.low, step.high) == (0, inf)
    assert step.inputs == ("input", "conv.weight", "conv.bias", "input")


@pytest.mark.parametrize("first", [True, False])
def test_the_residual_is_the_other_term(first):
    b = builder()
    x = conv(b, b.input, "conv")
    terms = (x, b.input) if first else (b.input, x)
    (step,) = steps(b, b.add(op.Add(), *terms, name="sum"))
    assert (step.names, step.residual) == (("conv", "sum"), "input")


def test_of_two_convolutions_one_takes_the_sum():
    b = builder()
    one, two = conv(b, b.input, "one"), conv(b, b.input, "two")
    found = steps(b, b.add(op.Add(), one, two, name="sum"))
    assert [step.names for step in found] in (
        [("two",), ("one", "sum")],
        [("one",), ("two", "sum")],
    )
    assert found[1].residual == found[0].output


def test_what_a_step_adds_is_made_before_it():
    b = builder()
    one = conv(b, b.input, "one")
    two = b.add(op.Tanh(), conv(b, b.input, "two"), name="tanh")
    found = steps(b, b.add(op.Add(), one, two, name="sum"))
    assert [step.names for step in found] == [("two", "tanh"), ("one", "sum")]


def test_values_that_others_read_stay():
    b = builder()
    x = conv(b, b.input, "conv")
    y = b.add(op.Relu(), x, name="relu")
    assert names(b, b.add(op.Mul(), x, y, name="both")) == [("conv",), ("relu", "both")]
    b = builder()
    x = conv(b, b.input, "conv")
    y = b.add(op.Relu(), x, name="relu")
    assert names(b, x, y) == [("conv",), ("relu",)]  # an output is read too


def test_a_bias_by_unit_is_what_a_convolution_adds():
    b = builder()
    x = conv(b, b.input, "conv", bias_per_unit=True)
    x = b.add(op.Relu(), b.add(op.Add(), x, b.input, name="sum"), name="relu")
    assert names(b, x) == [("conv",), ("sum", "relu")]


def test_a_sum_of_a_value_with_itself_stays():
    b = builder()
    x = conv(b, b.input, "conv")
    assert names(b, b.add(op.Add(), x, x, name="twice")) == [("conv",), ("twice",)]


def test_bounds_are_taken_once():
    b = builder()
    x = b.add(op.Relu(), conv(b, b.input, "conv"), name="relu")
    x = b.add(op.Clip(-1.0, 1.0), x, name="clip")
    found = steps(b, x)
    assert [step.names for step in found] == [("conv", "relu"), ("clip",)]
    assert (found[0].low, found[0].high) == (0, inf)


def test_no_sum_behind_bounds():
    b = builder()
    x = b.add(op.Relu(), conv(b, b.input, "conv"), name="relu")
    assert names(b, b.add(op.Add(), x, b.input, name="sum")) == [("conv", "relu"), ("sum",)]


def test_one_sum_for_each_convolution():
    b = builder()
    x = b.add(op.Add(), conv(b, b.input, "conv"), b.input, name="sum")
    found = steps(b, b.add(op.Add(), x, b.input, name="more"))
    assert [step.names for step in found] == [("conv", "sum"), ("more",)]
    assert found[0].residual == "input"


def test_other_steps_take_bounds_too():
    b = builder()
    x = b.add(op.Clip(0.0, 6.0), b.add(op.Add(), b.input, b.input, name="sum"), name="clip")
    x = b.add(op.Relu(), b.batch_norm(x, "norm"), name="relu")
    x = b.conv_transpose(x, "up", channels=3, kernel=2)
    x = b.add(op.Relu(), x, name="more")
    x = b.add(op.Relu(), b.linear(x, "gemm", features=3), name="last")
    assert names(b, x) == [
        *(("sum", "clip"), ("norm", "relu"), ("up", "more")),
        *(("gemm.flatten",), ("gemm", "last")),
    ]
    b = builder()
    x = b.add(op.Relu(), b.add(op.Tanh(), b.input, name="tanh"), name="relu")
    assert names(b, x) == [("tanh", "relu")]


def test_steps_in_python_take_nothing():
    for foreign in ("conv", "sum"):
        b = builder()
        x = b.add(op.Add(), conv(b, b.input, "conv"), b.input, name="sum")
        y = b.add(op.Relu(), x, name="relu")
        found = names(b, y, native=lambda node, foreign=foreign: node.name != foreign)
        wanted = {
            "conv": [("conv",), ("sum", "relu")],
            "sum": [("conv",), ("sum",), ("relu",)],
        }
        assert found == wanted[foreign]


def test_readers_count_each_reading_and_outputs():
    b = builder()
    x = b.add(op.Add(), b.input, b.input, name="sum")
    y = b.add(op.Mul(), x, b.input, name="product")
    assert readers_of(b.graph(x, y)) == {"input": 3, "sum": 2, "product": 1}


def normed(**how):
    b = builder()
    x = b.add(op.Identity(), conv(b, b.input, "conv", **how), name="same")
    x = b.batch_norm(x, "norm")
    return b, x


def operators(network):
    return [type(node.operator) for node in folded(network).graph.nodes]


@pytest.mark.parametrize("how", [{}, {"bias": False}, {"bias_per_unit": True}, {"groups": 4}])
def test_norms_are_folded_into_the_convolution_before(lively, check, how):
    b, x = normed(**how)
    network = lively(Network(b.graph(b.add(op.Dropout(0.5), x, name="dropout"))), 1)
    lean = folded(network)
    assert operators(network) == [op.Conv]
    assert lean.graph.outputs == ("norm",)
    assert len(lean.weights) == len(lean.graph.parameters) == 2
    check(network, (2, 4, 6, 6))
    assert set(network.weights) == {p.name for p in network.graph.parameters}  # as it was


def test_norms_stay_where_others_read_the_convolution_or_its_weights(lively, check):
    b, x = normed()
    network = lively(Network(b.graph(b.add(op.Add(), x, "conv", name="sum"))), 1)
    assert operators(network) == [op.Conv, op.BatchNormalization, op.Add]
    check(network, (1, 4, 6, 6))
    b, x = normed()
    window = st.geometry.Window.parse(3, padding=1, rank=2)
    y = b.add(op.Conv(window), x, "conv.weight", name="shared")
    network = lively(Network(b.graph(y)), 1)
    assert operators(network) == [op.Conv, op.BatchNormalization, op.Conv]
    check(network, (1, 4, 6, 6))
    b = builder()
    x = b.batch_norm(b.add(op.Relu(), conv(b, b.input, "conv"), name="relu"), "norm")
    network = lively(Network(b.graph(x)), 1)
    assert operators(network) == [op.Conv, op.Relu, op.BatchNormalization]
    check(network, (1, 4, 6, 6))


def test_names_of_outputs_that_are_left_out():
    b = builder()
    network = Network(b.graph(b.add(op.Identity(), b.input, name="same")))
    assert folded(network).graph.outputs == ("input",)
    x = np.ones((1, 4, 6, 6), np.float32)
    y = st.compile(network)(x)
    np.testing.assert_array_equal(y, x)
    assert not np.shares_memory(x, y)
