"""DenseNet: Huang et al., "Densely Connected Convolutional Networks", arXiv:1608.06993, table 1."""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph
from striate.network.operators import Concat, GlobalAveragePool, Relu
from striate.network.zoo.normalized import normalized_conv

__all__ = ["densenet121"]

LAYERS = (6, 12, 24, 16)
"""Layers of each dense block of DenseNet-121."""
GROWTH = 32
"""Channels that a layer adds (k, section 3)."""
BOTTLENECK = 4 * GROWTH
"""Channels of the 1x1 convolution before each 3x3 (section 3, DenseNet-B)."""


def densenet121() -> Graph:
    """Return DenseNet-121 on images, 224x224 or another size: 7,978,856 parameters."""
    b = Builder("densenet121", (None, 3, 224, 224))
    x = normalized_conv(b, b.input, "conv0", channels=64, kernel=7, stride=2)
    x = b.max_pool(x, "pool0", kernel=3, stride=2, padding=1)
    for block, layers in enumerate(LAYERS, start=1):
        for layer in range(1, layers + 1):
            name = f"dense{block}_{layer}"
            new = _conv(b, x, f"{name}.1", BOTTLENECK, 1)
            new = _conv(b, new, f"{name}.2", GROWTH, 3)
            x = b.add(Concat(), x, new, name=name)
        if block < len(LAYERS):  # a transition halves channels and size (section 3, DenseNet-C)
            x = _conv(b, x, f"transition{block}", b.shape(x)[1] // 2, 1)
            x = b.average_pool(x, f"pool{block}", kernel=2)
    x = b.add(Relu(), b.batch_norm(x, "norm5"), name="relu5")
    x = b.add(GlobalAveragePool(), x, name="average")
    return b.graph(b.linear(x, "fc", features=1000))


def _conv(b: Builder, x: str, name: str, channels: int, kernel: int) -> str:
    """Add batch norm, activation and convolution, in this order (section 3)."""
    x = b.add(Relu(), b.batch_norm(x, f"{name}.norm"), name=f"{name}.relu")
    sides = (kernel - 1) // 2
    return b.conv(x, name, channels=channels, kernel=kernel, padding=sides, bias=False)
