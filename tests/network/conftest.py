"""Random small graphs, for the tests that compare with PyTorch and with brute force."""

import warnings
from math import prod

import numpy as np
import pytest
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import TransposedWindow, Window
from striate.network import Builder, inspect
from striate.network.operators import (
    Add,
    AveragePool,
    Concat,
    Conv,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Mul,
    Pad,
    Relu,
)

LARGEST = 16  # a value's largest axis, to keep brute force quick


@pytest.fixture(scope="session")
def graphs():
    """The strategy: graphs(rank, gates=True) draws graphs of 1 to 6 layers and an end.

    A maker returns the name of the layer it added, or None where its window does not fit.
    """
    return random_graphs


@pytest.fixture(scope="session")
def reference():
    """Run one ONNX operator: reference(name, inputs, outputs=1, **attributes) -> arrays.

    An input of None is left out.
    """
    return run_reference


@pytest.fixture(scope="session")
def published_gflop():
    """Count as the table of google-research/receptive_field does, from TensorFlow's profiler.

    Two for a multiply-add, one for every tap of a pooling, and, where the network has one that
    the profiler saw, one for every bias.
    """

    def count(graph, *, biases):
        total = 0
        for node, layer in zip(graph.nodes, inspect(graph).layers, strict=True):
            outputs = prod(layer.output_shape)
            total += layer.flops + outputs * (biases and isinstance(node.operator, Conv))
            if isinstance(node.operator, MaxPool | AveragePool):
                total += outputs * prod(node.operator.window.kernel)
        return round(total / 1e9, 2)

    return count


def fits(window, sizes):
    try:
        return max(window.output_shape(sizes)) <= LARGEST
    except GeometryError:
        return False


def numbers(draw, rank, low, high):
    return tuple(draw(st.integers(low, high)) for _ in range(rank))


def pairs(draw, rank, high):
    return tuple(numbers(draw, 2, 0, high) for _ in range(rank))


def conv(draw, b, x, name):
    rank = len(b.shape(x)) - 2
    kernel, stride, dilation = (numbers(draw, rank, 1, high) for high in (3, 2, 2))
    padding = draw(st.sampled_from([pairs(draw, rank, 2), "same"]))
    if not fits(Window.parse(kernel, stride, padding, dilation, rank=rank), b.shape(x)[2:]):
        return None
    groups, channels = draw(st.sampled_from([1, 2])), draw(st.sampled_from([2, 4]))
    return b.conv(
        x,
        name,
        channels=channels,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )


def conv_transpose(draw, b, x, name):
    rank = len(b.shape(x)) - 2
    kernel, stride, dilation = (numbers(draw, rank, 1, high) for high in (3, 3, 2))
    added = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    padding = pairs(draw, rank, 1)
    window = TransposedWindow.parse(kernel, stride, padding, dilation, added, rank=rank)
    if not fits(window, b.shape(x)[2:]):
        return None
    numbered = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    groups = draw(st.sampled_from([1, 2]))
    return b.conv_transpose(x, name, channels=2, output_padding=added, groups=groups, **numbered)


def pool(draw, b, x, name):
    rank = len(b.shape(x)) - 2
    kernel, stride = numbers(draw, rank, 1, 3), numbers(draw, rank, 1, 3)
    ceil = draw(st.booleans())
    sides = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    padding = sides if ceil else draw(st.sampled_from([sides, pairs(draw, rank, 2)]))
    largest = draw(st.booleans())
    dilation = numbers(draw, rank, 1, 2) if largest else 1
    window = Window.parse(kernel, stride, padding, dilation, rank=rank, ceil=ceil)
    if not fits(window, b.shape(x)[2:]):
        return None
    return b.add(MaxPool(window) if largest else AveragePool(window), x, name=name)


def pad(draw, b, x, name):
    rank = len(b.shape(x)) - 2
    operator = Pad(numbers(draw, rank, -1, 2), numbers(draw, rank, -1, 2))
    return b.add(operator, x, name=name) if fits(operator.window, b.shape(x)[2:]) else None


def element(draw, b, x, name):
    return b.batch_norm(x, name) if draw(st.booleans()) else b.add(Relu(), x, name=name)


def join(draw, b, x, name):
    """Add, multiply or concatenate with an earlier value of the same spatial shape."""
    alike = [v for v in b.values if b.shape(v)[2:] == b.shape(x)[2:]]
    other = draw(st.sampled_from(alike))
    if b.shape(other)[1] == b.shape(x)[1] and draw(st.booleans()):
        return b.add(draw(st.sampled_from([Add(), Mul()])), x, other, name=name)
    return b.add(Concat(), x, other, name=name)


def gate(draw, b, x, name):
    """Multiply by the global mean or maximum of an earlier value."""
    source = draw(st.sampled_from([v for v in b.values if b.shape(v)[1] == b.shape(x)[1]]))
    whole = draw(st.sampled_from([GlobalAveragePool(), GlobalMaxPool()]))
    return b.add(Mul(), x, b.add(whole, source, name=f"{name}.whole"), name=name)


@st.composite
def random_graphs(draw, rank, *, gates=True):
    b = Builder("random", (None, 2, *numbers(draw, rank, 3, 6)))
    b.values = [b.input]
    makers = [conv, conv, conv_transpose, pool, pad, element, join, *([gate] if gates else [])]
    for i in range(draw(st.integers(1, 6))):
        make = draw(st.sampled_from(makers))
        name = make(draw, b, draw(st.sampled_from(b.values[-2:])), f"{make.__name__}{i}")
        b.values += [name] if name else []
    end = draw(st.sampled_from(["features", "whole", "linear"]))
    last = b.values[-1]
    if end == "whole":
        last = b.add(GlobalMaxPool(), last, name="end")
    if end == "linear":
        last = b.linear(last, "end", features=3)
    return b.graph(last)


def run_reference(name, inputs, outputs=1, **attributes):
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    given = {f"i{place}": array for place, array in enumerate(inputs) if array is not None}
    read = [f"i{place}" if array is not None else "" for place, array in enumerate(inputs)]
    written = [f"o{place}" for place in range(outputs)]
    node = helper.make_node(name, read, written, **attributes)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [np.asarray(y) for y in ReferenceEvaluator(node).run(None, given)]
