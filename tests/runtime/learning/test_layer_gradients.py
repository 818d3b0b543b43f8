"""Gradients of layers that learn in machine code: against PyTorch and differences.

The input's gradient is shown nowhere. A convolution before each shows it: its weights learn
from what comes back.
"""

from __future__ import annotations

import pytest

from striate.geometry import Window
from striate.network import Builder, Initial, Network
from striate.network import operators as op

LOSSES = ("squared", "cross-entropy")


def headed(b, x):
    """Return the network with five scores."""
    if len(b.shape(x)) == 2:
        return Network(b.graph(b.linear(x, "head", features=5)))
    x = b.add(op.GlobalAveragePool(), b.conv(x, "head", channels=5, kernel=1), name="means")
    return Network(b.graph(b.add(op.Flatten(), x, name="scores")))


def started(shape, channels=9):
    """Return a builder and a value that was learnt, of so many channels."""
    b = Builder("net", (None, *shape))
    return b, b.conv(b.input, "first", channels=channels, kernel=1)


def one(operator, spatial=(7, 6), channels=9):
    b, x = started((2, *spatial), channels)
    return headed(b, b.add(operator, x, name="one"))


def of_rows(operator):
    b, x = started((2, 5, 4), 3)
    return headed(b, b.add(operator, b.linear(x, "fc", features=13), name="one"))


def of_channels(operator, numbers, spatial=(7, 6)):
    b, x = started((2, *spatial))
    p = b.parameter("p", numbers, Initial("normal", 1))
    return headed(b, b.add(operator, x, p, name="one"))


def sum_of(kernels):
    b, x = started((2, 7, 6))
    y = b.conv(x, "other", channels=9, kernel=3, padding=1)
    for place in range(kernels):
        x = b.add(op.Add(), x, y, name=f"sum{place}")
    return headed(b, b.add(op.Clip(-1.0, 1.0), x, name="bounded"))


def normalized(bounds, spatial=(7, 6)):
    b, x = started((2, *spatial))
    x = b.batch_norm(x, "norm", epsilon=1e-3)
    return headed(b, x if bounds is None else b.add(bounds, x, name="bounded"))


def joined(channels):
    b = Builder("net", (None, 2, 6, 5))
    xs = [b.conv(b.input, f"c{n}", channels=c, kernel=1) for n, c in enumerate(channels)]
    return headed(b, b.add(op.Concat(), *xs, xs[0], name="all"))


def padded_twice():
    b, x = started((2, 5, 4))
    x = b.add(op.Pad((1, 0), (0, 2), fill=1.5), x, name="pad1")
    x = b.add(op.Pad((0, 1), (2, 1)), x, name="pad2")
    return headed(b, b.conv(x, "conv", channels=7, kernel=3, padding=1))


def dense(operator):
    b, x = started((2, 5, 4), 7)
    x = b.add(operator, x, name="flat")
    return headed(b, b.add(op.Relu(), b.linear(x, "fc", features=19), name="relu"))


def without_bias():
    b = Builder("net", (None, 7))
    x = b.add(op.Gemm(), b.input, b.parameter("w", (9, 7), Initial("normal", 1)), name="fc")
    return headed(b, b.add(op.Tanh(), x, name="tanh"))


def window(*how, **more):
    return Window.parse(*how, rank=more.pop("rank", 2), **more)


ACTIVATIONS = (
    *(op.Relu(), op.Clip(-0.3, 0.6), op.Clip(0.0, 6.0), op.Tanh(), op.ScaledTanh()),
    *(op.ScaledTanh(0.7, 1.3), op.Sigmoid(), op.LeakyRelu(0.2), op.LeakyRelu(0.0)),
)
POOLS = {
    "2x2": window(2, 2),
    "3x3, stride 2, padding": window(3, 2, 1),
    "3x3, stride 1": window(3, 1, 1),
    "ceil": window(3, 2, ceil=True),
    "2x3": window((2, 3), (3, 1)),
    "uneven sides": window((3, 2), 2, ((1, 0), (0, 1))),
    "same": window((3, 2), 2, "same"),
}
ALL = {
    **{f"{o!r}": one(o) for o in ACTIVATIONS},
    **{f"{o!r} of rows": of_rows(o) for o in ACTIVATIONS},
    **{f"max pool, {name}": one(op.MaxPool(w)) for name, w in POOLS.items()},
    "max pool, dilation": one(op.MaxPool(window(2, 1, 0, 2))),
    "max pool, one axis": one(op.MaxPool(window(3, 2, 1, rank=1)), (13,)),
    "max pool, three axes": one(op.MaxPool(window(2, rank=3)), (4, 5, 6)),
    **{f"average pool, {name}": one(op.AveragePool(w)) for name, w in POOLS.items()},
    **{
        f"average pool of what is there, {name}": one(op.AveragePool(w, False))
        for name, w in POOLS.items()
    },
    "average pool, one axis": one(op.AveragePool(window(3, 2, 1, rank=1)), (13,)),
    "average pool, three axes": one(op.AveragePool(window(2, rank=3)), (4, 5, 6)),
    "global average pool": one(op.GlobalAveragePool()),
    "global average pool, three axes": one(op.GlobalAveragePool(), (3, 2, 4)),
    "batch norm": normalized(None),
    "batch norm, relu": normalized(op.Relu()),
    "batch norm, clip": normalized(op.Clip(-0.5, 1.0)),
    "batch norm, one axis": normalized(None, (11,)),
    "batch norm, three axes": normalized(op.Relu(), (3, 2, 4)),
    "sum": sum_of(1),
    "sum of sums": sum_of(3),
    "shift": of_channels(op.Add(), (9, 1, 1)),
    "shift, one axis": of_channels(op.Add(), (1, 9, 1), (8,)),
    "scale": of_channels(op.Mul(), (9, 1, 1)),
    "scale, three axes": of_channels(op.Mul(), (9, 1, 1, 1), (2, 3, 4)),
    "join of whole registers": joined((16, 32)),
    "join of parts": joined((3, 17, 8)),
    "pad": one(op.Pad((1, 2), (0, 3))),
    "pad with a number": one(op.Pad((1, 2), (0, 3), fill=-0.7)),
    "pad, one axis": one(op.Pad((1,), (2,), fill=1.0), (8,)),
    "pad, twice": padded_twice(),
    "flatten": dense(op.Flatten()),
    "reshape": dense(op.Reshape((0, -1))),
    "dense without bias": without_bias(),
    "dropout of nothing": one(op.Dropout(0.0)),
    "dropout of nothing, of rows": of_rows(op.Dropout(0.0)),
}


@pytest.mark.parametrize(
    ("name", "loss"), [(name, LOSSES[place % 2]) for place, name in enumerate(ALL)]
)
def test_gradients(name, loss, lively, examples, check_gradients):
    network = lively(ALL[name], 1)
    check_gradients(network, *examples(network, 3), loss)
