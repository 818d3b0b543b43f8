"""AlexNet: Krizhevsky, "One weird trick", arXiv:1404.5997, the one-tower network of 2014.

The network of Krizhevsky, Sutskever and Hinton, NIPS 2012, section 3.5 and figure 2, without its
two towers and without local response normalisation; channels and padding are torchvision's.
"""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph
from striate.network.operators import Dropout, Relu

__all__ = ["alexnet"]

CONVOLUTIONS = (
    # channels, kernel, stride, padding, pooled after
    (64, 11, 4, 2, True),
    (192, 5, 1, 2, True),
    (384, 3, 1, 1, False),
    (256, 3, 1, 1, False),
    (256, 3, 1, 1, True),
)


def alexnet() -> Graph:
    """Return AlexNet on 224x224 images: 61,100,840 parameters.

    Pooling overlaps: 3x3 with stride 2. The fully connected layers fix the size of the input.
    """
    b = Builder("alexnet", (None, 3, 224, 224))
    x = b.input
    for layer, (channels, kernel, stride, padding, pooled) in enumerate(CONVOLUTIONS, start=1):
        x = b.conv(
            x, f"conv{layer}", channels=channels, kernel=kernel, stride=stride, padding=padding
        )
        x = b.add(Relu(), x, name=f"relu{layer}")
        if pooled:
            x = b.max_pool(x, f"pool{layer}", kernel=3, stride=2)
    for layer in (6, 7):
        x = b.add(Dropout(0.5), x, name=f"drop{layer}")
        x = b.linear(x, f"fc{layer}", features=4096)
        x = b.add(Relu(), x, name=f"relu{layer}")
    return b.graph(b.linear(x, "fc8", features=1000))
