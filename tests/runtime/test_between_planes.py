"""Layers that stand alone, from planes to planes: equal to the definition to the bit."""

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network
from striate.network import operators as op
from striate.ops.blocked import conversion
from striate.ops.codegen import Target
from striate.runtime.lowering import between

CASES = {
    "1x1": ((2, 7, 9, 11), 5, 1, {}),
    "1x1, groups": ((1, 160, 6, 8), 160, 1, {"groups": 2}),
    "3x3": ((1, 3, 20, 37), 30, 3, {"padding": 1}),
    "3x3, one row more than registers": ((1, 2, 5, 17), 3, 3, {"padding": 1}),
    "stride 2": ((1, 3, 33, 45), 19, 3, {"padding": 1, "stride": 2}),
    "stride 2, no padding": ((1, 3, 33, 46), 19, 2, {"stride": 2}),
    "stride 3 by 2": ((1, 3, 33, 45), 8, 3, {"padding": 1, "stride": (3, 2)}),
    "dilated": ((1, 4, 12, 40), 4, 3, {"padding": 3, "dilation": 3}),
    "groups": ((1, 70, 12, 29), 35, 3, {"padding": 1, "groups": 5}),
    "one axis": ((3, 2, 200), 7, 9, {"padding": 4, "stride": 2}),
    "three axes": ((1, 2, 4, 5, 40), 3, 3, {"padding": 1}),
}
TRANSPOSED = {
    "4x4, stride 2": ((1, 64, 32, 32), 3, 4, {"padding": 1, "stride": 2}),
    "odd": ((2, 40, 9, 21), 2, 3, {"padding": 1, "stride": 2, "output_padding": 1}),
    "stride above the kernel": ((1, 200, 8, 20), 2, 2, {"stride": 3}),
}


def whole_numbers(shape, seed):
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)


def layer(shape, maps, kernel, sizes, transposed=False):
    """Return the network of one layer and a ReLU, with whole numbers for weights."""
    b = Builder("layer", (None, *shape[1:]))
    add = b.conv_transpose if transposed else b.conv
    y = add(b.input, "y", channels=maps, kernel=kernel, **sizes)
    network = Network(b.graph(b.add(op.Relu(), y, name="relu"))).initialize(0)
    weights = {n: whole_numbers(w.shape, 1) for n, w in network.weights.items()}
    return Network(network.graph, weights)


def check(network, x, reference):
    for threads in (1, 2):
        run = st.compile(network, precision="exact", threads=threads)
        np.testing.assert_array_equal(run(x), np.maximum(reference, 0))
    methods = {step.method for step in run.plan_for(x.shape).steps}
    if Target.host().level == "avx512":  # others have fewer registers, and may take blocks
        assert "direct, between planes" in methods


@pytest.mark.parametrize("name", CASES)
def test_convolutions(name):
    shape, maps, kernel, sizes = CASES[name]
    network, x = layer(shape, maps, kernel, sizes), whole_numbers(shape, 2)
    operation = (st.conv1d, st.conv2d, st.conv3d)[len(shape) - 3]
    weight, bias = network.weights["y.weight"], network.weights["y.bias"]
    reference = operation(x, weight, bias, method="reference", **sizes)
    check(network, x, reference)


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolutions(name):
    shape, maps, kernel, sizes = TRANSPOSED[name]
    network, x = layer(shape, maps, kernel, sizes, transposed=True), whole_numbers(shape, 2)
    weight, bias = network.weights["y.weight"], network.weights["y.bias"]
    reference = st.conv_transpose2d(x, weight, bias, method="reference", **sizes)
    check(network, x, reference)


def test_nothing_spreads_beyond_its_window():
    network = layer((1, 3, 20, 37), 8, 3, {"padding": 1})
    x = whole_numbers((1, 3, 20, 37), 3)
    x[0, 1, 10, 20], x[0, 2, 0, 0] = np.nan, np.inf
    weight, bias = network.weights["y.weight"], network.weights["y.bias"]
    with np.errstate(invalid="ignore"):
        reference = st.conv2d(x, weight, bias, padding=1, method="reference")
        check(network, x, reference)
    assert np.isnan(reference).sum() < 100


def test_large_results_go_past_the_caches(monkeypatch):
    """As those of small ones: streamed from planes and from blocks, in parts of a batch too."""
    shape, sizes = (3, 3, 10, 32), {"padding": 1}
    network, x = layer(shape, 20, 3, sizes), whole_numbers(shape, 2)
    deep = layer((3, 40, 10, 32), 20, 3, sizes)
    deep_x = whole_numbers((3, 40, 10, 32), 4)
    expected = [
        np.maximum(st.conv2d(data, *n.weights.values(), method="reference", **sizes), 0)
        for n, data in ((network, x), (deep, deep_x))
    ]
    monkeypatch.setattr(between, "STREAMED", 0)
    monkeypatch.setattr(conversion, "STREAMED", 0)
    for at_once in (3, 1):
        for threads in (1, 2):
            for n, data, y in ((network, x, expected[0]), (deep, deep_x, expected[1])):
                run = st.compile(n, precision="exact", threads=threads)
                monkeypatch.setattr(run._native, "_choose_at_once", lambda case, most=at_once: most)
                np.testing.assert_array_equal(run(data), y)
