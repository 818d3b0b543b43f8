"""Networks after VGG for pictures of 32x32: 3x3 convolutions in blocks, and a pooling after each.

Simonyan and Zisserman, arXiv:1409.1556, section 2 and table 1, made smaller: four blocks, and one
fully connected layer in place of three.
"""

from __future__ import annotations

from striate.network import Builder, Graph
from striate.network.graph import Initial
from striate.network.operators import Relu

__all__ = ["BLOCKS", "vgg_like"]

BLOCKS = {4: (1, 1, 1, 1), 6: (1, 1, 2, 2), 8: (2, 2, 2, 2), 11: (2, 3, 3, 3), 13: (3, 3, 3, 4)}
"""Convolutions in each block, by their number in all: the depth grows in all of them."""


def vgg_like(
    depth: int,
    widths: tuple[int, int, int, int],
    *,
    batch_norm: bool,
    initial: Initial | None = None,
) -> Graph:
    """Return a network of so many convolutions.

    Parameters
    ----------
    depth : int
        A key of `BLOCKS`.
    widths : four ints
        Maps in each block.
    batch_norm : bool
        Normalise after every convolution, which then has no bias of its own.
    initial : Initial, optional
        How the weights of convolutions start; by default as He et al. 2015 have it.

    Examples
    --------
    >>> graph = vgg_like(8, (8, 16, 32, 64), batch_norm=True)
    >>> graph.name, sum(p.name.endswith("weight") for p in graph.parameters)
    ('vgg-like-8-bn', 9)
    """
    b = Builder(f"vgg-like-{depth}{'-bn' if batch_norm else ''}", (None, 3, 32, 32))
    x = b.input
    for block, (count, maps) in enumerate(zip(BLOCKS[depth], widths, strict=True), start=1):
        for layer in range(1, count + 1):
            place = f"{block}_{layer}"
            x = b.conv(
                x,
                f"conv{place}",
                channels=maps,
                kernel=3,
                padding=1,
                bias=not batch_norm,
                initial=initial,
            )
            if batch_norm:
                x = b.batch_norm(x, f"norm{place}")
            x = b.add(Relu(), x, name=f"relu{place}")
        x = b.max_pool(x, f"pool{block}", kernel=2)
    return b.graph(b.linear(x, "scores", features=10))
