"""ResNet: He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, table 1."""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph
from striate.network.operators import Add, GlobalAveragePool, Relu
from striate.network.zoo.normalized import normalized_conv

__all__ = ["BLOCKS", "resnet"]

BLOCKS: dict[str, tuple[int, int, int, int]] = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
"""How many blocks conv2_x to conv5_x have."""

PLAIN = ((3, 1), (3, 1))
BOTTLENECK = ((1, 1), (3, 1), (1, 4))
"""Convolutions of a block: kernel, and channels as a multiple of the stage's."""


def resnet(name: str) -> Graph:
    """Return a ResNet on images, 224x224 or another size.

    A block that halves the image has its stride in its first 3x3 convolution, as torchvision has
    it; the paper's bottlenecks have it in the 1x1 before, which skips three quarters of what it is
    given. Where the shape changes the shortcut is a 1x1 convolution (the paper's option B).

    Parameters
    ----------
    name : str
        A key of `BLOCKS`.
    """
    b = Builder(name, (None, 3, 224, 224))
    x = normalized_conv(b, b.input, "conv1", channels=64, kernel=7, stride=2)
    x = b.max_pool(x, "pool1", kernel=3, stride=2, padding=1)
    layers = PLAIN if name in ("resnet18", "resnet34") else BOTTLENECK
    for stage, (blocks, channels) in enumerate(
        zip(BLOCKS[name], (64, 128, 256, 512), strict=True), start=2
    ):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 2 and block == 1 else 1
            x = _block(b, x, f"conv{stage}_{block}", layers, channels, stride)
    x = b.add(GlobalAveragePool(), x, name="average")
    return b.graph(b.linear(x, "fc", features=1000))


def _block(
    b: Builder, x: str, name: str, layers: tuple[tuple[int, int], ...], channels: int, stride: int
) -> str:
    """Add a residual block: figures 2 and 5."""
    y, left = x, stride
    for place, (kernel, widening) in enumerate(layers, start=1):
        step, left = (left, 1) if kernel == 3 else (1, left)  # the stride is spent only once
        y = normalized_conv(
            b,
            y,
            f"{name}.{place}",
            channels=channels * widening,
            kernel=kernel,
            stride=step,
            activation=Relu() if place < len(layers) else None,
        )
    width = b.shape(y)[1]
    if stride > 1 or b.shape(x)[1] != width:
        x = normalized_conv(
            b, x, f"{name}.shortcut", channels=width, kernel=1, stride=stride, activation=None
        )
    return b.add(Relu(), b.add(Add(), x, y, name=f"{name}.sum"), name=name)
