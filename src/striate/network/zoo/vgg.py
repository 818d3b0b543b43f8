"""VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks", arXiv:1409.1556, table 1."""

from __future__ import annotations

from striate.network.builder import Builder
from striate.network.graph import Graph
from striate.network.operators import Dropout, Relu

__all__ = ["CONFIGURATIONS", "vgg"]

CHANNELS = (64, 128, 256, 512, 512)

CONFIGURATIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg11": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "vgg13": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "vgg16-c": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "vgg16": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "vgg19": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
"""Kernel sizes of the convolutions in each block: configurations A, B, C, D and E."""


def vgg(name: str, *, batch_norm: bool = False) -> Graph:
    """Return a VGG network on 224x224 images.

    Parameters
    ----------
    name : str
        A key of `CONFIGURATIONS`.
    batch_norm : bool
        Normalise after every convolution, which then needs no bias of its own (but keeps it, as
        the published checkpoints do).
    """
    b = Builder(name + "-bn" * batch_norm, (None, 3, 224, 224))
    x = b.input
    for block, (kernels, channels) in enumerate(
        zip(CONFIGURATIONS[name], CHANNELS, strict=True), start=1
    ):
        for layer, kernel in enumerate(kernels, start=1):
            place = f"{block}_{layer}"
            x = b.conv(
                x, f"conv{place}", channels=channels, kernel=kernel, padding=(kernel - 1) // 2
            )
            if batch_norm:
                x = b.batch_norm(x, f"bn{place}")
            x = b.add(Relu(), x, name=f"relu{place}")
        x = b.max_pool(x, f"pool{block}", kernel=2)
    for layer in (6, 7):
        x = b.linear(x, f"fc{layer}", features=4096)
        x = b.add(Relu(), x, name=f"relu{layer}")
        x = b.add(Dropout(0.5), x, name=f"drop{layer}")
    return b.graph(b.linear(x, "fc8", features=1000))
