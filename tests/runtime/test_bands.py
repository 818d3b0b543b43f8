"""Steps taken in turns band by band: the same results as one after the other."""

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network
from striate.network import operators as op
from striate.runtime.lowering import bands


def pointwise(b, x, channels, residual=None):
    y = b.conv(x, "pointwise", channels=channels, kernel=1)
    if residual is not None:
        y = b.add(op.Add(), y, residual, name="sum")
    return b.add(op.Relu(), y, name="relu")


def separable(kernel, stride, dilation, padding):
    b = Builder("separable", (None, 20, 13, 11))
    sizes = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}
    x = b.conv(b.input, "depthwise", channels=20, groups=20, **sizes)
    return b.graph(pointwise(b, b.add(op.Clip(0.0, 6.0), x, name="clip"), 33))


def normed():
    b = Builder("normed", (None, 24, 9, 10))
    x = b.add(op.Relu(), b.batch_norm(b.input, "norm"), name="rectified")
    return b.graph(pointwise(b, x, 24, residual=b.input))


GRAPHS = {
    "3x3": separable(3, 1, 1, 1),
    "same": separable(3, 1, 1, "same"),
    "stride 2": separable(3, 2, 1, 1),
    "5x5, stride 3": separable(5, 3, 1, 2),
    "dilated, no padding": separable(3, 1, 2, 0),
    "batch norm and sum": normed(),
}


def drawn(graph):
    """Return a network with lively weights and statistics."""
    network = Network(graph).initialize(0)
    random = np.random.default_rng(1)
    weights = {
        n: random.uniform(0.5, 1.5, w.shape).astype("f4") for n, w in network.weights.items()
    }
    signs = {n: w * random.choice([-1, 1], w.shape).astype("f4") for n, w in weights.items()}
    positive = {n: w for n, w in weights.items() if "variance" in n}
    return Network(graph, {**signs, **positive})


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize("threads", [1, 2])
def test_bands_change_nothing(monkeypatch, name, rows, threads):
    network = drawn(GRAPHS[name])
    x = np.random.default_rng(2).standard_normal((2, *network.input_shape[1:]), np.float32)
    whole = st.compile(network, threads=threads)
    assert "in" not in methods(whole, x.shape)
    expected = whole(x)
    exact = st.compile(network, dtype=np.float64)(x.astype(np.float64))
    monkeypatch.setattr(bands, "LEAST", 0)
    middle = {
        step.output_shape for step in whole.plan_for(x.shape).steps if step.operator == "Conv"
    }
    size = min(int(np.prod(shape)) // shape[2] for shape in middle)
    monkeypatch.setattr(bands, "BAND", 4 * size * rows)
    cut = st.compile(network, threads=threads)
    assert "in" in methods(cut, x.shape)
    np.testing.assert_array_equal(cut(x), expected)
    np.testing.assert_allclose(expected, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


def methods(run, shape):
    """Return the first words of the methods of a program's parts."""
    return {step.method.split()[0] for step in run.plan_for(shape).steps}


def test_what_another_step_reads_too_is_made_whole(monkeypatch):
    monkeypatch.setattr(bands, "LEAST", 0)
    b = Builder("shared", (None, 16, 8, 8))
    x = b.conv(b.input, "depthwise", channels=16, kernel=3, padding=1, groups=16)
    y = b.conv(x, "pointwise", channels=16, kernel=1)
    network = drawn(b.graph(b.add(op.Add(), y, x, name="sum")))
    run = st.compile(network)
    assert "in" not in methods(run, (1, 16, 8, 8))
    x = np.random.default_rng(3).standard_normal((1, 16, 8, 8), np.float32)
    exact = st.compile(network, dtype=np.float64)(x.astype(np.float64))
    np.testing.assert_allclose(run(x), exact, rtol=0, atol=1e-5 * np.abs(exact).max())
