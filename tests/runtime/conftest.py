"""Oracles for whole networks: an interpreter of graphs in PyTorch, and programs in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import striate as st
from striate.network import Network
from striate.network import operators as op


def _conv(o, x, weight, bias=None):
    if o.table is not None:
        dense = torch.zeros((weight.shape[0], x.shape[1], *weight.shape[2:]), dtype=x.dtype)
        rows = torch.arange(weight.shape[0])[:, None]
        weight = dense.index_put((rows, torch.tensor(o.table)), weight)
    window = o.window.at(x.shape[2:])
    sides = [side for axis in reversed(window.axes) for side in (axis.before, axis.after)]
    apply = (F.conv1d, F.conv2d, F.conv3d)[window.rank - 1]
    y = apply(F.pad(x, sides), weight, None, window.strides, 0, window.dilations, o.groups)
    if bias is None:
        return y
    return y + (bias if bias.ndim > 1 else bias.reshape(-1, *[1] * window.rank))


def _conv_transpose(o, x, weight, bias=None):
    w = o.window
    assert all(before == after for before, after in w.paddings)
    paddings = [before for before, _ in w.paddings]
    added = [axis.output_padding for axis in w.axes]
    apply = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[w.rank - 1]
    return apply(x, weight, bias, w.strides, paddings, added, o.groups, w.dilations)


def _pool(apply, **more):
    def run(o, x):
        w = o.window.at(x.shape[2:])
        assert all(before == after for before, after in w.paddings)
        paddings = [before for before, _ in w.paddings]
        ceil = w.axes[0].ceil
        return apply[w.rank - 1](x, w.kernel, w.strides, paddings, ceil_mode=ceil, **more)

    return run


def _pad(o, x):
    pairs = zip(reversed(o.before), reversed(o.after), strict=True)
    return F.pad(x, [side for pair in pairs for side in pair], value=o.fill)


def _batch_norm(training):
    def run(o, x, scale, bias, mean, variance):
        return F.batch_norm(x, mean, variance, scale, bias, training, 1 - o.momentum, o.epsilon)

    return run


MEANING = {
    op.Add: lambda o, a, b: a + b,
    op.AveragePool: lambda o, x: _pool(
        (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d), count_include_pad=o.count_include_pad
    )(o, x),
    op.Clip: lambda o, x: F.hardtanh(x, o.low, o.high),
    op.Concat: lambda o, *xs: torch.cat(xs, o.axis),
    op.Conv: _conv,
    op.ConvTranspose: _conv_transpose,
    op.Dropout: lambda o, x: x,
    op.Flatten: lambda o, x: x.flatten(1),
    op.Gemm: lambda o, x, w, b=None: F.linear(x, w, b),
    op.GlobalAveragePool: lambda o, x: x.mean(dim=tuple(range(2, x.ndim)), keepdim=True),
    op.GlobalMaxPool: lambda o, x: x.amax(dim=tuple(range(2, x.ndim)), keepdim=True),
    op.Identity: lambda o, x: x,
    op.LeakyRelu: lambda o, x: F.leaky_relu(x, o.alpha),
    op.MaxPool: lambda o, x: _pool(
        (F.max_pool1d, F.max_pool2d, F.max_pool3d), dilation=o.window.dilations
    )(o, x),
    op.Mul: lambda o, a, b: a * b,
    op.Pad: _pad,
    op.Relu: lambda o, x: F.relu(x),
    op.Reshape: lambda o, x: x.reshape(o.infer([tuple(x.shape)])),
    op.ScaledTanh: lambda o, x: o.alpha * torch.tanh(o.beta * x),
    op.Sigmoid: lambda o, x: torch.sigmoid(x),
    op.Softmax: lambda o, x: torch.softmax(x, o.axis),
    op.Tanh: lambda o, x: torch.tanh(x),
}


@pytest.fixture
def by_torch():
    """Return run(network, x, training) -> (y, parameters as tensors): float64, dropout ignored.

    Scales and biases of batch norms keep, as `each`, what they are at each place of a value: the
    gradients there are the terms of which theirs are the sums.
    """

    def run(network, x, training=False):
        values = {
            name: torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)
            for name, a in network.weights.items()
        }
        parameters = dict(values)
        values[network.graph.inputs[0].name] = torch.tensor(x, dtype=torch.float64)
        for node in network.graph.nodes:
            inputs = [values[name] for name in node.inputs]
            if isinstance(node.operator, op.BatchNormalization):
                inputs[3:] = [statistic.detach().clone() for statistic in inputs[3:]]
                x, scale, bias, *statistics = inputs
                one = torch.ones_like(scale)
                plain = _batch_norm(training)(node.operator, x, one, 0 * one, *statistics)
                for parameter in (scale, bias):
                    at = parameter.reshape(-1, *(1,) * (x.dim() - 2)).expand_as(x)
                    if at.requires_grad:
                        at.retain_grad()
                    parameter.each = at
                y = plain * scale.each + bias.each
            else:
                y = MEANING[type(node.operator)](node.operator, *inputs)
            values[node.outputs[0]] = y
        return values[network.graph.outputs[0]], parameters

    return run


@pytest.fixture(scope="session")
def lively():
    """Return lively(network, seed): weights of which none is 0 or 1 by its name."""

    def lively(network, seed):
        rng = np.random.default_rng(seed)
        weights = {}
        for p in network.graph.parameters:
            spread = (2 / max(1, np.prod(p.shape[1:]))) ** 0.5 if len(p.shape) > 1 else 0.5
            drawn = rng.standard_normal(p.shape) * spread
            if p.name.endswith((".variance", ".scale")):
                drawn = rng.uniform(0.5, 2, p.shape)
            weights[p.name] = drawn.astype(np.float32)
        return Network(network.graph, weights)

    return lively


@pytest.fixture(scope="session")
def check():
    """Return check(network, *shapes): compare with float64, one operation after the other."""

    def check(network, *shapes, tolerance=3e-5, **how):
        run, exact = st.compile(network, **how), st.compile(network, dtype=np.float64)
        for seed, shape in enumerate(shapes):
            x = np.random.default_rng(seed).standard_normal(shape, np.float32)
            wide = x.astype(np.float64)
            wanted = exact(wide)
            inside = [np.abs(v).max() for v in exact.values(wide).values()]
            atol = tolerance * max([1e-3, np.abs(wanted).max(), *inside])
            found = run(x)
            assert found.dtype == np.float32
            assert found.flags.c_contiguous
            np.testing.assert_allclose(found, wanted, rtol=0, atol=atol)

    return check
