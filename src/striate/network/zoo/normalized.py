"""The layer that most networks since 2015 repeat: convolution, batch norm, activation."""

from __future__ import annotations

from striate.geometry import PaddingLike
from striate.network.builder import Builder
from striate.network.graph import Operator
from striate.network.operators import Clip, Relu

__all__ = ["RELU", "RELU6", "normalized_conv"]

RELU = Relu()
RELU6 = Clip(0.0, 6.0)
"""min(max(x, 0), 6): Howard et al., arXiv:1704.04861, and Sandler et al., arXiv:1801.04381."""


def normalized_conv(
    b: Builder,
    x: str,
    name: str,
    *,
    channels: int,
    kernel: int,
    stride: int = 1,
    padding: PaddingLike | None = None,
    groups: int = 1,
    epsilon: float = 1e-5,
    activation: Operator | None = RELU,
) -> str:
    """Add a convolution without bias, the batch norm that has one, and the activation, if any.

    The padding keeps the size at stride 1 unless told.
    """
    sides = (kernel - 1) // 2 if padding is None else padding
    x = b.conv(
        x,
        name,
        channels=channels,
        kernel=kernel,
        stride=stride,
        padding=sides,
        groups=groups,
        bias=False,
    )
    x = b.batch_norm(x, f"{name}.norm", epsilon=epsilon)
    if activation is None:
        return x
    return b.add(activation, x, name=f"{name}.{activation.onnx.lower()}")
