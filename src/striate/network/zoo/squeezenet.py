"""SqueezeNet: Iandola et al., "AlexNet-level accuracy with 50x fewer parameters", arXiv:1602.07360.

Version 1.1, which the authors published after the paper's table 1: a smaller first convolution and
earlier pooling, 2.4 times fewer multiply-adds for the same accuracy.
"""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph, Initial
from striate.network.operators import Concat, Dropout, Flatten, GlobalAveragePool, Relu

__all__ = ["squeezenet"]

FIRES = (
    # layers up to the next pooling, of (squeeze 1x1, expand 1x1 and as many 3x3)
    ((16, 64), (16, 64)),
    ((32, 128), (32, 128)),
    ((48, 192), (48, 192), (64, 256), (64, 256)),
)


def squeezenet() -> Graph:
    """Return SqueezeNet 1.1 on images, 224x224 or another size: 1,235,496 parameters."""
    b = Builder("squeezenet", (None, 3, 224, 224))
    x = b.conv(b.input, "conv1", channels=64, kernel=3, stride=2)
    x = b.add(Relu(), x, name="relu1")
    layer = 1
    for fires in FIRES:
        x = b.max_pool(x, f"pool{layer}", kernel=3, stride=2, ceil=True)
        for squeeze, expand in fires:
            layer += 1
            x = _fire(b, x, f"fire{layer}", squeeze, expand)
    x = b.add(Dropout(0.5), x, name=f"drop{layer}")
    x = b.conv(x, "conv10", channels=1000, kernel=1, initial=Initial("normal", 0.01))
    x = b.add(Relu(), x, name="relu10")
    x = b.add(GlobalAveragePool(), x, name="average")
    return b.graph(b.add(Flatten(), x, name="scores"))


def _fire(b: Builder, x: str, name: str, squeeze: int, expand: int) -> str:
    """Add the fire module of figure 1: few channels, then many of 1x1 and of 3x3."""
    x = _conv(b, x, f"{name}.squeeze", squeeze, 1)
    sides = [_conv(b, x, f"{name}.expand{kernel}x{kernel}", expand, kernel) for kernel in (1, 3)]
    return b.add(Concat(), *sides, name=name)


def _conv(b: Builder, x: str, name: str, channels: int, kernel: int) -> str:
    x = b.conv(x, name, channels=channels, kernel=kernel, padding=(kernel - 1) // 2)
    return b.add(Relu(), x, name=f"{name}.relu")
