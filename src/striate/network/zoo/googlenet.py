"""GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, table 1."""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph, Initial
from striate.network.operators import Concat, Dropout, GlobalAveragePool
from striate.network.zoo.normalized import normalized_conv

__all__ = ["googlenet"]

INCEPTIONS: tuple[dict[str, tuple[int, ...]], ...] = (
    # 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pool projected
    {
        "3a": (64, 96, 128, 16, 32, 32),
        "3b": (128, 128, 192, 32, 96, 64),
    },
    {
        "4a": (192, 96, 208, 16, 48, 64),
        "4b": (160, 112, 224, 24, 64, 64),
        "4c": (128, 128, 256, 24, 64, 64),
        "4d": (112, 144, 288, 32, 64, 64),
        "4e": (256, 160, 320, 32, 128, 128),
    },
    {
        "5a": (256, 160, 320, 32, 128, 128),
        "5b": (384, 192, 384, 48, 128, 128),
    },
)

EPSILON = 1e-3  # of the batch norm


def googlenet() -> Graph:
    """Return GoogLeNet on images, 224x224 or another size: 6,624,904 parameters.

    As torchvision has it: batch norm after every convolution, 3x3 convolutions where the table
    says 5x5, a 2x2 instead of a 3x3 window in the last pooling, no local response normalisation;
    and without the two auxiliary classifiers, which only help training.
    """
    b = Builder("googlenet", (None, 3, 224, 224))
    x = _conv(b, b.input, "conv1", 64, 7, stride=2)
    x = b.max_pool(x, "pool1", kernel=3, stride=2, ceil=True)
    x = _conv(b, x, "conv2.reduce", 64, 1)
    x = _conv(b, x, "conv2", 192, 3)
    for stage, modules in enumerate(INCEPTIONS, start=2):
        x = b.max_pool(x, f"pool{stage}", kernel=2 if stage == 4 else 3, stride=2, ceil=True)
        for name, channels in modules.items():
            x = _inception(b, x, f"inception{name}", channels)
    x = b.add(GlobalAveragePool(), x, name="average")
    x = b.add(Dropout(0.2), x, name="drop")
    return b.graph(b.linear(x, "fc", features=1000, initial=Initial("normal", 0.01)))


def _inception(b: Builder, x: str, name: str, channels: tuple[int, ...]) -> str:
    """Add the module of figure 2b: four branches side by side."""
    one, reduced, three, reduced_again, three_again, projected = channels
    pooled = b.max_pool(x, f"{name}.pool", kernel=3, stride=1, padding=1, ceil=True)
    branches = (
        _conv(b, x, f"{name}.1", one, 1),
        _conv(b, _conv(b, x, f"{name}.2.reduce", reduced, 1), f"{name}.2", three, 3),
        _conv(b, _conv(b, x, f"{name}.3.reduce", reduced_again, 1), f"{name}.3", three_again, 3),
        _conv(b, pooled, f"{name}.4", projected, 1),
    )
    return b.add(Concat(), *branches, name=name)


def _conv(b: Builder, x: str, name: str, channels: int, kernel: int, stride: int = 1) -> str:
    return normalized_conv(
        b, x, name, channels=channels, kernel=kernel, stride=stride, epsilon=EPSILON
    )
