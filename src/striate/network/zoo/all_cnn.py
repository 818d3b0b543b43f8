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


def all_cnn(
    base: str,
    variant: Variant,
    *,
    channels: tuple[int, int] = (96, 192),
    dropout: tuple[float, float] = (0.2, 0.5),
) -> Graph:
    """Return one of the twelve on 32x32 colour images, for ten classes.

    Parameters
    ----------
    base : str
        A key of `BASES`.
    variant : str
        One of `VARIANTS`.
    channels : two ints
        Maps of the layers before the first reduction, and of those after it.
    dropout : two floats
        The share of values dropped from the input, and after each reduction; 0 for none.

    Notes
    -----
    "Strided" gives the last convolution before each pooling its stride of 2 and drops the pooling.
    The last 3x3 convolution is not padded, so that the average runs over 6x6 as the paper says.
    The paper prints 1.3 M parameters for base C; its definition gives 0.955 M.
    """
    b = Builder(f"{variant}-{base}", (None, 3, 32, 32))
    x = _drop(b, b.input, "drop0", dropout[0])
    for stage, maps in enumerate(channels, start=1):
        kernels = BASES[base]
        strides = [1] * len(kernels)
        if variant == "strided-cnn":
            strides[-1] = 2
        if variant in ("convpool-cnn", "all-cnn"):
            kernels = (*kernels, 3)
            strides.append(2 if variant == "all-cnn" else 1)
        for layer, (kernel, stride) in enumerate(zip(kernels, strides, strict=True), start=1):
            x = _conv(b, x, f"conv{stage}_{layer}", maps, kernel, stride, (kernel - 1) // 2)
        if variant in ("base", "convpool-cnn"):
            x = b.max_pool(x, f"pool{stage}", kernel=3, stride=2, padding=1)
        x = _drop(b, x, f"drop{stage}", dropout[1])
    x = _conv(b, x, "conv3", channels[1], 3, 1, 0)
    x = _conv(b, x, "conv4", channels[1], 1, 1, 0)
    x = _conv(b, x, "conv5", 10, 1, 1, 0)
    x = b.add(GlobalAveragePool(), x, name="average")
    return b.graph(b.add(Flatten(), x, name="scores"))


def _drop(b: Builder, x: str, name: str, rate: float) -> str:
    return b.add(Dropout(rate), x, name=name) if rate else x


def _conv(
    b: Builder, x: str, name: str, channels: int, kernel: int, stride: int, padding: int
) -> str:
    x = b.conv(x, name, channels=channels, kernel=kernel, stride=stride, padding=padding)
    return b.add(Relu(), x, name=name.replace("conv", "relu"))
