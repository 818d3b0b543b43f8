"""Networks as machine code against the same networks in float64, one operation after the other."""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

import striate as st
from striate.network import Builder, Network
from striate.network import operators as op

MANY = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
BOUNDS = [op.Relu(), op.Clip(-1.0, 2.0), op.Clip(0.0, 6.0)]
CURVES = [op.Tanh(), op.Sigmoid(), op.ScaledTanh(1.7159, 2 / 3)]
SAME = [op.Dropout(0.5), op.Identity()]


class Drawn:
    """A builder and the values it has; `linear` keeps to what is exact on whole numbers."""

    def __init__(self, draw, linear):
        rank = draw(some.sampled_from([1, 2, 2, 2, 3]))
        most = {1: 20, 2: 8, 3: 5}[rank]
        self.sizes = tuple(draw(some.integers(3, most)) for _ in range(rank))
        channels = draw(some.sampled_from([1, 2, 3, 4, 5, 8, 16, 17]))
        self.draw, self.rank, self.linear = draw, rank, linear
        self.b = Builder("drawn", (None, channels, *self.sizes))
        self.values = [self.b.input]
        for number in range(draw(some.integers(1, 7))):
            self.step(f"v{number}")

    def pick(self, options):
        return self.draw(some.sampled_from(options))

    def like(self, shape):
        """Return the values of this shape; None in it stands for any size."""
        fits = [
            name
            for name in self.values
            if all(w in (None, s) for s, w in zip(self.b.shape(name), shape, strict=True))
        ]
        return self.pick(fits)

    def step(self, name):
        makers = [self.conv, self.conv, self.conv, self.up, self.pool, self.sum, self.join]
        makers += [self.join, self.bounds]
        if not self.linear:
            makers += [self.norm, self.norm, self.curve, self.gate, self.product, self.odd]
        x = self.pick(self.values[-3:])
        self.values.append(self.pick(makers)(x, name))

    def conv(self, x, name):
        b, seen = self.b, self.b.shape(x)[1]
        kernel, dilation = self.pick([1, 2, 3, 3]), self.pick([1, 1, 2])
        sizes = b.shape(x)[2:]
        padding = self.pick(["same", kernel * dilation, 1, ((0, 2),) * self.rank])
        stride = self.pick([1, 1, 2])
        if padding == 1 and min(sizes) + 2 < (kernel - 1) * dilation + 1:
            padding = "same"
        if padding not in ("same", 1, kernel * dilation) and min(sizes) + 2 <= 2 * dilation:
            padding = "same"
        groups = self.pick([1, 1, 1, *(g for g in (2, 3, seen) if seen % g == 0)])
        how = {"groups": groups, "bias": self.pick([True, False])}
        channels = groups * self.pick([1, 2, 3] if groups > 1 else [1, 3, 8, 16, 17, 33])
        if self.rank == 2 and groups == 1 and self.pick([True, False, False]):
            starts = range(min(channels, 5))
            table = tuple(tuple(sorted({i % seen, (i + 1) % seen})) for i in starts)
            how = {"table": table, "bias": True, "bias_per_unit": self.pick([True, False])}
            channels = len(table)
        elif not self.linear:
            how["bias_per_unit"] = how["bias"] and self.pick([True, False, False, False])
        how |= {"kernel": kernel, "padding": padding, "stride": stride, "dilation": dilation}
        return b.conv(x, name, channels=channels, **how)

    def up(self, x, name):
        if min(self.b.shape(x)[2:]) < 2 or max(self.b.shape(x)[2:]) > 12:
            return self.bounds(x, name)
        stride = self.pick([1, 2, 3])
        how = {"kernel": self.pick([2, 3, 4]), "stride": stride, "padding": self.pick([0, 1])}
        how["output_padding"] = self.pick([0, stride - 1])
        return self.b.conv_transpose(x, name, channels=self.pick([1, 4, 18]), **how)

    def pool(self, x, name):
        sizes = self.b.shape(x)[2:]
        kernel = self.pick([2, 3]) if min(sizes) > 1 else 1
        padding = kernel // 2 if min(sizes) < kernel else self.pick([0, kernel // 2])
        how = {"kernel": kernel, "stride": self.pick([1, 2]), "padding": padding}
        how["ceil"] = self.pick([False, True])
        apply = self.b.max_pool if self.linear or self.pick([True, False]) else self.b.average_pool
        return apply(x, name, **how)

    def sum(self, x, name):
        return self.b.add(op.Add(), *self.pair(x), name=name)

    def product(self, x, name):
        return self.b.add(op.Mul(), *self.pair(x), name=name)

    def pair(self, x):
        both = [x, self.like(self.b.shape(x))]
        return both if self.pick([True, False]) else both[::-1]

    def join(self, x, name):
        same = (None, None, *self.b.shape(x)[2:])
        terms = [x, *(self.like(same) for _ in range(self.pick([1, 1, 2])))]
        if self.pick([True, False]):
            terms.reverse()
        if sum(self.b.shape(term)[1] for term in terms) > 120:
            return self.bounds(x, name)
        return self.b.add(op.Concat(), *terms, name=name)

    def bounds(self, x, name):
        return self.b.add(self.pick(BOUNDS + SAME), x, name=name)

    def curve(self, x, name):
        return self.b.add(self.pick(CURVES), x, name=name)

    def norm(self, x, name):
        return self.b.batch_norm(x, name)

    def gate(self, x, name):
        squeeze = self.pick([op.GlobalAveragePool(), op.GlobalMaxPool()])
        small = self.b.add(squeeze, x, name=f"{name}.squeeze")
        small = self.b.add(op.Sigmoid(), small, name=f"{name}.sigmoid")
        terms = [x, small] if self.pick([True, True, False]) else [small, x]
        return self.b.add(self.pick([op.Mul(), op.Mul(), op.Add()]), *terms, name=name)

    def odd(self, x, name):
        """Add a step that runs in Python."""
        pad = op.Pad((1,) + (0,) * (self.rank - 1), (2,) * self.rank, 0.5)
        return self.b.add(self.pick([pad, op.Softmax(1)]), x, name=name)

    def network(self):
        """Return the network: its output may be any value, or come from a classifier."""
        y = self.pick([self.values[-1], self.values[-1], self.pick(self.values)])
        head = self.pick(["", "", "flat", "linear"])
        if head:
            y = self.b.add(op.Flatten(), y, name="flat")
        if head == "linear":
            if not self.linear and self.pick([True, False]):
                y = self.b.add(op.Relu(), self.b.batch_norm(y, "flat.norm"), name="flat.relu")
            y = self.b.linear(y, "scores", features=self.pick([1, 7, 20]))
            last = [*BOUNDS, *([] if self.linear else [op.Softmax(1), op.Tanh()])]
            y = self.b.add(self.pick(last), y, name="last")
        return Network(self.b.graph(y))


@some.composite
def networks(draw, linear=False):
    return Drawn(draw, linear).network()


@MANY
@given(network=networks(), batches=some.permutations([1, 2, 3]), threads=some.sampled_from([1, 2]))
def test_any_network_computes_what_float64_does(lively, check, network, batches, threads):
    shape = network.input_shape[1:]
    check(lively(network, 1), *((batch, *shape) for batch in batches[:2]), threads=threads)


@MANY
@given(network=networks(linear=True), batch=some.integers(1, 3), seed=some.integers(0, 99))
def test_exact_programs_give_the_bits_of_float64_on_whole_numbers(network, batch, seed):
    rng = np.random.default_rng(seed)
    weights = {
        p.name: rng.integers(-1, 2, p.shape).astype(np.float32) for p in network.graph.parameters
    }
    network = Network(network.graph, weights)
    x = rng.integers(-3, 4, (batch, *network.input_shape[1:])).astype(np.float32)
    exact = st.compile(network, dtype=np.float64, precision="exact")
    values = exact.values(x.astype(np.float64))
    assume(all(np.abs(v).max() < 2**22 for v in values.values()))
    found = st.compile(network, precision="exact")(x)
    np.testing.assert_array_equal(found, exact(x.astype(np.float64)))
