"""Layers that write over what they read, or share gradients: every order of two of them."""

from __future__ import annotations

import pytest

from striate.network import Builder, Initial, Network
from striate.network import operators as op
from striate.runtime.learning.compiled import why_not


def activation(operator):
    return lambda b, x, name: b.add(operator, x, name=name)


def of_channels(operator):
    def layer(b, x, name):
        _, channels, *spatial = b.shape(x)
        shape = (channels, *(1 for _ in spatial))
        return b.add(operator, x, b.parameter(f"{name}.p", shape, Initial("normal", 1)), name=name)

    return layer


def beside(b, x, name):
    """Add a value that is another's as well: its gradient goes to three."""
    other = b.add(op.Tanh(), x, name=f"{name}.other")
    return b.add(op.Add(), other, b.add(op.Add(), x, other, name=f"{name}.inner"), name=name)


def joined(b, x, name):
    """Join with itself behind 8 channels, so that whole registers and parts of them are shared."""
    first = b.conv(x, f"{name}.first", channels=8, kernel=1)
    return b.add(op.Concat(), first, x, x, name=name)


def padded(b, x, name):
    own = b.add(op.Tanh(), x, name=f"{name}.own")  # no other may read what is padded
    return b.add(op.Pad((1, 0), (2, 1), fill=0.5), own, name=name)


LAYERS = {
    "relu": activation(op.Relu()),
    "tanh": activation(op.Tanh()),
    "leaky": activation(op.LeakyRelu(0.2)),
    "drop": activation(op.Dropout(0.0)),
    "norm": lambda b, x, name: b.batch_norm(x, name),
    "bounded norm": lambda b, x, name: b.add(op.Relu(), b.batch_norm(x, f"{name}.norm"), name=name),
    "shift": of_channels(op.Add()),
    "scale": of_channels(op.Mul()),
    "sum": beside,
    "join": joined,
    "pad": padded,
    "max": lambda b, x, name: b.max_pool(x, name, kernel=3, stride=1, padding=1),
    "mean": lambda b, x, name: b.average_pool(x, name, kernel=2, stride=1),
    "conv": lambda b, x, name: b.conv(x, name, channels=9, kernel=3, padding=1),
}
READERS = ("nobody", "first before", "first behind", "shared before", "shared behind")


def scored(b, x, name):
    x = b.conv(x, f"{name}.scores", channels=5, kernel=2, padding=1)
    return b.add(op.GlobalAveragePool(), x, name=f"{name}.means")


def branch(b, first, second, readers):
    """Return scores from two layers, behind each other, and from who else reads what they make.

    A value that is shared is added to what came of it, and to what is made before or behind it.
    """
    name = f"{first}, {second}"
    x = b.conv(b.input, f"{name}.conv", channels=9, kernel=1)
    means = []

    def also(value):
        tanh = b.add(op.Tanh(), value, name=f"{name}.{value}.also")
        means.append(scored(b, tanh, tanh))

    if readers == "shared before":
        other = b.add(op.Sigmoid(), b.conv(b.input, f"{name}.o", channels=9, kernel=1), name=name)
    x = LAYERS[first](b, x, f"{name}.1")
    y = x
    if readers == "first before":
        also(x)
    x = LAYERS[second](b, x, f"{name}.2")
    if readers == "first behind":
        also(y)
    if readers == "shared behind":
        shape = b.shape(x)
        other = b.conv(b.input, f"{name}.o", channels=shape[1], kernel=1)
        other = b.add(op.Sigmoid(), other, name=name)
    if readers.startswith("shared") and b.shape(other) == b.shape(x):
        x = b.add(op.Add(), other, x, name=f"{name}.sum")
    elif readers.startswith("shared"):
        means.append(scored(b, other, other))
    return [*means, scored(b, x, f"{name}.2")]


def orders(first):
    """Return a network of all layers behind the first; readers change from one to the next."""
    b = Builder(first, (None, 3, 6, 5))
    start = list(LAYERS).index(first)
    total = None
    for place, second in enumerate(LAYERS):
        for mean in branch(b, first, second, READERS[(start + place) % len(READERS)]):
            total = mean if total is None else b.add(op.Add(), total, mean, name=f"{mean}.total")
    return Network(b.graph(b.add(op.Flatten(), total, name="scores")))


@pytest.mark.parametrize("first", LAYERS)
def test_orders_of_two_layers(first, lively, examples, by_step, by_autograd, agree):
    network = lively(orders(first), 1)
    images, labels = examples(network, 3)
    agree(by_step(network, images, labels), by_autograd(network, images, labels))


def shifted_and_shared():
    """Return a network whose shift shares its gradient with a value that is made before."""
    b = Builder("shared", (None, 3, 7, 8))
    other = b.conv(b.input, "other", channels=9, kernel=3)
    other = b.add(op.Sigmoid(), other, name="sigmoid")
    x = b.add(op.Tanh(), b.conv(b.input, "conv", channels=9, kernel=3), name="tanh")
    x = LAYERS["shift"](b, x, "shift")
    x = scored(b, b.add(op.Add(), other, x, name="sum"), "sum")
    return Network(b.graph(b.add(op.Flatten(), x, name="scores")))


def test_a_shift_leaves_a_shared_gradient(lively, examples, by_step, by_autograd, agree):
    network = lively(shifted_and_shared(), 0)
    images, labels = examples(network)
    agree(by_step(network, images, labels), by_autograd(network, images, labels))


def test_what_nothing_reads_is_told():
    b = Builder("dead", (None, 3, 7, 8))
    x = b.conv(b.input, "conv", channels=9, kernel=3)
    b.add(op.Tanh(), b.conv(x, "unread", channels=4, kernel=3), name="tanh")
    network = Network(b.graph(b.add(op.Flatten(), scored(b, x, "x"), name="scores")))
    assert why_not(network) == "dead: tanh (Tanh) makes what nothing reads"
