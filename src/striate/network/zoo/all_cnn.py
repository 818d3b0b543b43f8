"""The twelve networks of Springenberg et al., "Striving for Simplicity", arXiv:1412.6806.

Tables 1 and 2: three bases (A, B, C), each with max pooling, with strides in place of the pooling,
with a convolution added before the pooling, and with that convolution in place of the pooling.
"""

from __future__ import annotations

from typing import Literal

from striate.network.builder import Builder
from striate.network.graph import Graph
from striate.network.operators import Dropout, Flatten, GlobalAveragePool, Relu

__all__ = ["BASES", "VARIANTS", "all_cnn"]

Variant = Literal["base", "strided-cnn", "convpool-cnn", "all-cnn"]

BASES: dict[str, tuple[int, ...]] = {"a": (5,), "b": (5, 1), "c": (3, 3)}
"""Kernel sizes of the convolutions before each reduction: table 1, models A, B and C."""

VARIANTS: tuple[Variant, ...] = ("base", "strided-cnn", "convpool-cnn", "all-cnn")


def all_cnn(base: str, variant: Variant) -> Graph:
    """Return one of the twelve on 32x32 colour images, for ten classes.

    "Strided" gives the last convolution before each pooling its stride of 2 and drops the pooling.
    The last 3x3 convolution is not padded, so that the average runs over 6x6 as the paper says.
    The paper prints 1.3 M parameters for base C; its definition gives 0.955 M.
    """
    b = Builder(f"{variant}-{base}", (None, 3, 32, 32))
    x = b.add(Dropout(0.2), b.input, name="drop0")
    for stage, channels in ((1, 96), (2, 192)):
        kernels = BASES[base]
        strides = [1] * len(kernels)
        if variant == "strided-cnn":
            strides[-1] = 2
        if variant in ("convpool-cnn", "all-cnn"):
            kernels = (*kernels, 3)
            strides.append(2 if variant == "all-cnn" else 1)
        for layer, (kernel, stride) in enumerate(zip(kernels, strides, strict=True), start=1):
            x = _conv(b, x, f"conv{stage}_{layer}", channels, kernel, stride, (kernel - 1) // 2)
        if variant in ("base", "convpool-cnn"):
            x = b.max_pool(x, f"pool{stage}", kernel=3, stride=2, padding=1)
        x = b.add(Dropout(0.5), x, name=f"drop{stage}")
    x = _conv(b, x, "conv3", 192, 3, 1, 0)
    x = _conv(b, x, "conv4", 192, 1, 1, 0)
    x = _conv(b, x, "conv5", 10, 1, 1, 0)
    x = b.add(GlobalAveragePool(), x, name="average")
    return b.graph(b.add(Flatten(), x, name="scores"))


def _conv(
    b: Builder, x: str, name: str, channels: int, kernel: int, stride: int, padding: int
) -> str:
    x = b.conv(x, name, channels=channels, kernel=kernel, stride=stride, padding=padding)
    return b.add(Relu(), x, name=name.replace("conv", "relu"))
