"""Networks drawn at random, in machine code and in NumPy: whatever stands behind whatever."""

from __future__ import annotations

import numpy as np
import pytest

from striate.network import Builder, Initial, Network
from striate.network import operators as op
from striate.runtime.learning import Assignment, Descent, PlainLearner, memory
from striate.runtime.learning.compiled import CompiledLearner, why_not

ACTIVATIONS = (
    *(op.Relu(), op.Tanh(), op.Sigmoid(), op.LeakyRelu(0.2), op.ScaledTanh()),
    *(op.Clip(-0.4, 0.5), op.Clip(0.0, 6.0)),
)
SIZES = {1: (14, 22), 2: (6, 11), 3: (4, 6)}
CHANNELS = (1, 3, 8, 9, 16, 17, 24)


class Drawing:
    """A network in the making: each layer reads one of the values there are, mostly a late one."""

    def __init__(self, seed, layers):
        self.random = np.random.default_rng(seed)
        rank = self.one_of((1, 2, 2, 2, 3))
        spatial = [int(n) for n in self.random.integers(*SIZES[rank], rank)]
        self.b = Builder(f"random {seed}", (None, int(self.random.integers(1, 5)), *spatial))
        self.values, self.number = [self.b.input], 0
        while len(self.values) <= layers:
            self.values.append(self.layer(self.values[-self.late()]))

    def one_of(self, choices):
        return choices[self.random.integers(len(choices))]

    def late(self):
        return min(len(self.values), self.random.geometric(0.6))

    def name(self, what):
        self.number += 1
        return f"{what}{self.number}"

    def chance(self, share):
        return bool(self.random.random() < share)

    def like(self, x, axes):
        """Return values that are as large as x along these axes."""
        return [v for v in self.values if self.b.shape(v)[axes] == self.b.shape(x)[axes]]

    def layer(self, x):
        kinds = (
            *(self.conv, self.conv, self.conv, self.activation, self.activation, self.activation),
            *(self.norm, self.sum, self.sum, self.join, self.pad, self.drop, self.shift),
            *(self.scale, self.pool, self.pool),
        )
        return self.one_of(kinds)(x)

    def conv(self, x):
        _, channels, *sizes = self.b.shape(x)
        how = {"kernel": tuple(min(3, size) for size in sizes), "padding": "same"}
        if self.chance(0.6):
            how["kernel"] = tuple(int(self.random.integers(1, min(4, n) + 1)) for n in sizes)
            how["stride"] = tuple(self.one_of((1, 1, 2)) if n > 4 else 1 for n in sizes)
            fits = zip(sizes, how["kernel"], strict=True)
            how["dilation"] = tuple(self.one_of((1, 2)) if n >= 2 * k else 1 for n, k in fits)
        if self.chance(0.3):
            how["padding"] = tuple(
                tuple(int(p) for p in self.random.integers(0, 3, 2)) for _ in sizes
            )
        maps, kind = self.one_of(CHANNELS), self.random.random()
        if kind < 0.15 and channels > 1:
            maps = how["groups"] = channels
        elif kind < 0.25 and channels > 3:
            seen = [self.random.choice(channels, 3, replace=False) for _ in range(maps)]
            how["table"] = tuple(tuple(sorted(int(c) for c in some)) for some in seen)
        how["bias"] = self.chance(0.7)
        how["bias_per_unit"] = how["bias"] and "groups" not in how and self.chance(0.2)
        return self.b.conv(x, self.name("conv"), channels=maps, **how)

    def activation(self, x):
        return self.b.add(self.one_of(ACTIVATIONS), x, name=self.name("active"))

    def drop(self, x):
        return self.b.add(op.Dropout(0.0), x, name=self.name("drop"))

    def norm(self, x):
        return self.b.batch_norm(x, self.name("norm"))

    def sum(self, x):
        both = x, self.one_of(self.like(x, slice(None)))
        return self.b.add(
            op.Add(), *(both if self.chance(0.5) else both[::-1]), name=self.name("sum")
        )

    def join(self, x):
        some = [
            x,
            *(self.one_of(self.like(x, slice(2, None))) for _ in range(self.one_of((0, 1, 2)))),
        ]
        if sum(self.b.shape(value)[1] for value in some) > 60:
            return self.activation(x)
        return self.b.add(op.Concat(), *some, name=self.name("join"))

    def pad(self, x):
        """Pad what nobody else reads, as the machine code wants it."""
        sizes = self.b.shape(x)[2:]
        if max(sizes) > 24:
            return self.activation(x)
        before, after = (
            tuple(int(n) for n in self.random.integers(0, 3, len(sizes))) for _ in "ab"
        )
        own = self.activation(x)
        fill = self.one_of((0.0, 0.0, 0.5, -1.0))
        return self.b.add(op.Pad(before, after, fill=fill), own, name=self.name("pad"))

    def of_channels(self, operator, x):
        name, shape = self.name("channels"), self.b.shape(x)
        numbers = (shape[1], *(1 for _ in shape[2:]))
        p = self.b.parameter(f"{name}.p", numbers, Initial("normal", 1))
        return self.b.add(operator, x, p, name=name)

    def shift(self, x):
        return self.of_channels(op.Add(), x)

    def scale(self, x):
        return self.of_channels(op.Mul(), x)

    def pool(self, x):
        if min(self.b.shape(x)[2:]) < 3:
            return self.activation(x)
        pool = self.one_of((self.b.max_pool, self.b.max_pool, self.b.average_pool))
        kernel, stride, padding = self.one_of((2, 3)), self.one_of((1, 2)), self.one_of((0, 1))
        how = {"kernel": kernel, "stride": stride, "padding": padding, "ceil": self.chance(0.3)}
        return pool(x, self.name("pool"), **how)

    def network(self):
        """Return the network whose scores hang on all values."""
        b, total = self.b, None
        read = {name for node in b.graph(self.values[-1]).nodes for name in node.inputs}
        for x in self.values[1:]:
            if x in read and self.chance(0.8):
                continue
            x = b.conv(x, self.name("scores"), channels=5, kernel=1)
            x = b.add(op.GlobalAveragePool(), x, name=self.name("means"))
            total = x if total is None else b.add(op.Add(), total, x, name=self.name("total"))
        x = b.add(op.Flatten(), total, name="flat")
        if self.chance(0.4):
            x = b.linear(x, "fc", features=13)
            for _ in range(3):
                x = self.one_of((self.activation, self.drop))(x)
            x = b.linear(x, "end", features=5)
        return Network(b.graph(x))


HOW = {"batch_size": 3, "descent": Descent(momentum=0.5)}
RATES = np.full(3, 2.0**-10, np.float32)


@pytest.fixture
def drawn(lively, examples):
    """Return drawn(seed) -> a network, eight examples, and how to learn from them."""

    def drawn(seed):
        network = lively(Drawing(seed, 5 + seed % 10).network(), seed)
        assert why_not(network) == ""
        how = {**HOW, "loss": ("squared", "cross-entropy")[seed % 2]}
        return network, *examples(network, 8, seed), how

    return drawn


def compare(network, images, labels, how, **options):
    """Check three steps, the last of two examples, against NumPy's; return the weights."""
    given = Assignment(network, **how)
    students = PlainLearner(given), CompiledLearner(given, **options)
    plain, compiled = (student.learn(images, labels, RATES) for student in students)
    assert plain.steps == compiled.steps == 3
    np.testing.assert_allclose(compiled.losses, plain.losses, rtol=1e-4, atol=1e-5)
    wanted, found = (student.network().weights for student in students)
    largest = max(np.abs(wanted[name] - start).max() for name, start in network.weights.items())
    for name, start in network.weights.items():
        moved = np.abs(wanted[name] - start).max()
        tolerance = 1e-3 * moved + 1e-5 * largest + 1e-7
        np.testing.assert_allclose(found[name], wanted[name], 0, tolerance, err_msg=name)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_steps_are_those_of_numpy(seed, drawn):
    network, *given, how = drawn(seed)
    found = compare(network, *given, how, threads=1)
    for threads in (2, 3):
        student = CompiledLearner(Assignment(network, **how), threads=threads)
        student.learn(*given, RATES)
        for name, array in student.network().weights.items():
            np.testing.assert_array_equal(array, found[name], err_msg=name)


@pytest.mark.parametrize("seed", range(12, 16))
def test_sums_of_products(seed, drawn):
    network, *given, how = drawn(seed)
    compare(network, *given, how, exact=True)


@pytest.mark.parametrize("level", ["sse", "avx2"])
@pytest.mark.parametrize("seed", range(16, 20))
def test_other_processors(seed, level, drawn, instructions):
    instructions(level)
    network, *given, how = drawn(seed)
    compare(network, *given, how)


@pytest.mark.parametrize("seed", range(20, 24))
def test_weights_that_follow_at_once(seed, drawn, monkeypatch):
    monkeypatch.setattr(memory, "FLAT", 0)  # as of large networks, whose gradients are not kept
    network, *given, how = drawn(seed)
    compare(network, *given, how)
