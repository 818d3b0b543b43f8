"""MobileNet v1 (Howard et al., arXiv:1704.04861) and v2 (Sandler et al., arXiv:1801.04381)."""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph, Initial
from striate.network.operators import Add, Dropout, GlobalAveragePool
from striate.network.zoo.normalized import RELU6, normalized_conv

__all__ = ["mobilenet_v1", "mobilenet_v2"]

SEPARABLE_V1 = (
    # channels, stride: table 1 of arXiv:1704.04861
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)

BOTTLENECKS_V2 = (
    # expansion t, channels c, repetitions n, stride s of the first: table 2 of arXiv:1801.04381
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v1() -> Graph:
    """Return MobileNet v1 on images, 224x224 or another size: 4,231,976 parameters.

    Padding is TensorFlow's "same", with which the paper's networks were trained. The activation is
    the paper's ReLU; some published checkpoints were trained with ReLU6. The table prints stride 2
    for the last depthwise convolution, whose output would not be the 7x7 that it prints: it is 1.
    """
    b = Builder("mobilenet-v1", (None, 3, 224, 224))
    x = normalized_conv(b, b.input, "conv", channels=32, kernel=3, stride=2, padding="same")
    for layer, (channels, stride) in enumerate(SEPARABLE_V1, start=1):
        seen = b.shape(x)[1]
        x = normalized_conv(
            b,
            x,
            f"depthwise{layer}",
            channels=seen,
            kernel=3,
            stride=stride,
            padding="same",
            groups=seen,
        )
        x = normalized_conv(b, x, f"pointwise{layer}", channels=channels, kernel=1)
    x = b.add(GlobalAveragePool(), x, name="average")
    return b.graph(b.linear(x, "fc", features=1000))


def mobilenet_v2() -> Graph:
    """Return MobileNet v2 on images, 224x224 or another size: 3,504,872 parameters."""
    b = Builder("mobilenet-v2", (None, 3, 224, 224))
    x = normalized_conv(b, b.input, "conv1", channels=32, kernel=3, stride=2, activation=RELU6)
    block = 0
    for expansion, channels, repetitions, first_stride in BOTTLENECKS_V2:
        for repetition in range(repetitions):
            block += 1
            stride = 1 if repetition else first_stride
            x = _inverted_residual(b, x, f"bottleneck{block}", expansion, channels, stride)
    x = normalized_conv(b, x, "conv2", channels=1280, kernel=1, activation=RELU6)
    x = b.add(GlobalAveragePool(), x, name="average")
    x = b.add(Dropout(0.2), x, name="drop")
    return b.graph(b.linear(x, "fc", features=1000, initial=Initial("normal", 0.01)))


def _inverted_residual(
    b: Builder, x: str, name: str, expansion: int, channels: int, stride: int
) -> str:
    """Add a block of table 1 of arXiv:1801.04381: wider, depthwise, narrower without activation."""
    seen, y = b.shape(x)[1], x
    wide = expansion * seen
    if expansion > 1:
        y = normalized_conv(b, y, f"{name}.expand", channels=wide, kernel=1, activation=RELU6)
    y = normalized_conv(
        b,
        y,
        f"{name}.depthwise",
        channels=wide,
        kernel=3,
        stride=stride,
        groups=wide,
        activation=RELU6,
    )
    y = normalized_conv(b, y, f"{name}.project", channels=channels, kernel=1, activation=None)
    return b.add(Add(), x, y, name=name) if stride == 1 and seen == channels else y
