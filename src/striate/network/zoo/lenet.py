"""LeCun's networks of 1989 and 1998."""

from __future__ import annotations

from math import prod

from striate.network.builder import ONES, ZEROS, Builder
from striate.network.graph import Graph, Initial
from striate.network.operators import Add, Concat, Mul, Pad, ScaledTanh

__all__ = ["CONNECTIONS_1989", "TABLE_I_1998", "lenet_5", "lenet_1989"]

CONNECTIONS_1989 = tuple(
    tuple(sorted((first + step) % 12 for step in range(8))) for first in range(12)
)
"""Which 8 of H1's 12 maps each map of H2 sees. The paper says 8 of 12 and not which: this takes
8 neighbours, cyclically, so that every H2 map sees another set and every H1 map is seen 8 times."""

TABLE_I_1998 = (
    ((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    (
        *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5)),
        *((0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    ),
    ((0, 1, 2, 3, 4, 5),),
)
"""LeCun et al. 1998, table I: which maps of S2 each map of C3 sees, by the number seen."""


def _uniform(fan_in: int) -> Initial:
    """Uniform in +-2.4 / F: LeCun et al. 1989, section 4; F is the fan-in of the unit."""
    return Initial("uniform", 2.4 / fan_in)


def _conv(
    b: Builder,
    x: str,
    name: str,
    channels: int,
    *,
    stride: int = 1,
    table: tuple[tuple[int, ...], ...] | None = None,
    bias_per_unit: bool = False,
) -> str:
    """Add a 5x5 convolution that starts as LeCun's did."""
    initial = _uniform(25 * (len(table[0]) if table else b.shape(x)[1]))
    return b.conv(
        x,
        name,
        channels=channels,
        kernel=5,
        stride=stride,
        table=table,
        bias_per_unit=bias_per_unit,
        initial=initial,
        bias_initial=initial,
    )


def _linear(b: Builder, x: str, name: str, features: int) -> str:
    """Add a fully connected layer that starts as LeCun's did."""
    initial = _uniform(prod(b.shape(x)[1:]))
    return b.linear(x, name, features=features, initial=initial, bias_initial=initial)


def lenet_1989() -> Graph:
    """Return the network of LeCun et al. 1989, figure 3: 1,256 units, 9,760 parameters.

    "Backpropagation Applied to Handwritten Zip Code Recognition", Neural Computation 1(4).
    A 16x16 input in [-1, 1]; H1 and H2 are 5x5 convolutions of stride 2 over a background of -1
    beyond the border, with a bias for every unit; each H2 map sees 8 of H1's 12. Scaled tanh
    everywhere, the output included.
    """
    b = Builder("lenet-1989", (None, 1, 16, 16))
    x = b.add(Pad((2, 2), (1, 1), -1.0), b.input, name="H1.border")
    x = _conv(b, x, "H1", 12, stride=2, bias_per_unit=True)
    x = b.add(ScaledTanh(), x, name="H1.tanh")
    x = b.add(Pad((2, 2), (1, 1), -1.0), x, name="H2.border")
    x = _conv(b, x, "H2", 12, stride=2, table=CONNECTIONS_1989, bias_per_unit=True)
    x = b.add(ScaledTanh(), x, name="H2.tanh")
    x = _linear(b, x, "H3", 30)
    x = b.add(ScaledTanh(), x, name="H3.tanh")
    x = _linear(b, x, "output", 10)
    return b.graph(b.add(ScaledTanh(), x, name="output.tanh"))


def lenet_5() -> Graph:
    """Return LeNet-5 of LeCun et al. 1998, figure 2, on a 32x32 input.

    Subsampling layers have a trainable coefficient and bias for each map, C3 is connected by
    table I: 60,000 trainable parameters up to F6, as the paper says. The paper's output layer
    compares F6 with fixed 7x12 bitmaps; here it is fully connected, as later uses have it.
    """
    b = Builder("lenet-5", (None, 1, 32, 32))
    x = b.add(ScaledTanh(), _conv(b, b.input, "C1", 6), name="C1.tanh")
    x = _subsample(b, x, "S2")
    parts = [_conv(b, x, f"C3.{len(table[0])}", len(table), table=table) for table in TABLE_I_1998]
    x = b.add(ScaledTanh(), b.add(Concat(), *parts, name="C3"), name="C3.tanh")
    x = _subsample(b, x, "S4")
    x = b.add(ScaledTanh(), _conv(b, x, "C5", 120), name="C5.tanh")
    x = b.add(ScaledTanh(), _linear(b, x, "F6", 84), name="F6.tanh")
    return b.graph(_linear(b, x, "output", 10))


def _subsample(b: Builder, x: str, name: str) -> str:
    """Average 2x2, scale and shift by one trained number each for a map, squash."""
    maps = (b.shape(x)[1], 1, 1)
    x = b.average_pool(x, f"{name}.mean", kernel=2)
    x = b.add(Mul(), x, b.parameter(f"{name}.weight", maps, ONES), name=f"{name}.scale")
    x = b.add(Add(), x, b.parameter(f"{name}.bias", maps, ZEROS), name=name)
    return b.add(ScaledTanh(), x, name=f"{name}.tanh")
