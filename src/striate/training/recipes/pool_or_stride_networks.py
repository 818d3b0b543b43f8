"""Networks that differ in one thing: what halves their maps, and where.

After Y. Qian et al., "Deep learning for steganalysis via convolutional neural networks", 2015 (the
fixed KV kernel as the first layer), and J. Ye et al., "Deep learning hierarchical representations
for image steganalysis", IEEE Transactions on Information Forensics and Security 12(11), 2017 (what
it leaves is cut off at +-3 grey levels), four 3x3 convolutions, each with batch norm and ReLU, of
`CHANNELS` maps; two of six places halve the maps, by the average or the maximum of 2x2 or by a
stride of 2 in the layer before; then the average over each map, and two scores. Neither pooling nor
stride has weights: all nine networks have the same number.
"""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np

from striate.filters.kernels import kv
from striate.geometry import Window
from striate.network import Builder, Network
from striate.network.graph import Initial
from striate.network.operators import Clip, Conv, GlobalAveragePool, Relu

__all__ = ["CHANNELS", "NAMES", "PLACES", "WAYS", "network"]

CHANNELS = (8, 8, 16, 16)
WAYS = ("average", "max", "stride")
PLACES = {"on the residual": (0, 1), "early": (1, 2), "late": (3, 4)}
"""After which layers maps are halved; layer 0 is the fixed high-pass."""

NAMES = tuple(f"{way} {place}" for place, way in product(PLACES, WAYS))
LEVELS = 3.0
"""Where residuals are cut off: Ye et al.'s threshold."""


def network(name: str, seed: int, size: int = 32, channels: tuple[int, ...] = CHANNELS) -> Network:
    """Return a network by its name, with weights drawn from a seed.

    Parameters
    ----------
    name : str
        One of `NAMES`: a way of `WAYS` and a place of `PLACES`.
    seed : int
    size : int
        Of the pictures, square and grey, in levels of 0 to 255.
    channels : tuple of int
        Maps of the four convolutions.

    Examples
    --------
    >>> made = network("average late", seed=0)
    >>> made
    <Network average-late: input (any, 1, 32, 32); 4,355 parameters, with weights>
    """
    way, _, place = name.partition(" ")
    halved = PLACES[place]
    b = Builder(name.replace(" ", "-"), (None, 1, size, size))
    weight = b.parameter("residual.weight", (1, 1, 5, 5), Initial("constant", 0.0), trainable=False)
    window = Window.parse(5, _stride(way, 0, halved), 2, rank=2)
    x = b.add(Conv(window), b.input, weight, name="residual")
    x = b.add(Clip(-LEVELS, LEVELS), x, name="residual.cut")
    x = _pooled(b, x, way, 0, halved)
    for layer, maps in enumerate(channels, start=1):
        stride = _stride(way, layer, halved)
        seen = b.shape(x)[1]
        start = Initial("normal", sqrt(2 / (9 * seen)))  # He et al. 2015
        x = b.conv(
            x,
            f"conv{layer}",
            channels=maps,
            kernel=3,
            stride=stride,
            padding=1,
            bias=False,
            initial=start,
        )
        x = b.batch_norm(x, f"norm{layer}")
        x = b.add(Relu(), x, name=f"relu{layer}")
        x = _pooled(b, x, way, layer, halved)
    x = b.add(GlobalAveragePool(), x, name="mean")
    made = Network(b.graph(b.linear(x, "scores", features=2))).initialize(seed)
    high_pass = kv().astype(np.float32)[None, None]
    return Network(made.graph, {**made.weights, "residual.weight": high_pass})


def _stride(way: str, layer: int, halved: tuple[int, ...]) -> int:
    return 2 if way == "stride" and layer in halved else 1


def _pooled(b: Builder, x: str, way: str, layer: int, halved: tuple[int, ...]) -> str:
    if way == "stride" or layer not in halved:
        return x
    pool = b.max_pool if way == "max" else b.average_pool
    return pool(x, f"pool{layer}", kernel=2)
