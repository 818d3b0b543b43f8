"""Kernels of global pooling: each block of channels becomes one pixel.

Sums are taken in `CHAINS` at once, row by row, so that they are fast and lose little to rounding.
"""

from __future__ import annotations

from math import prod
from typing import Any

from striate.ops.blocked.layout import Value
from striate.ops.blocked.pool import Pool
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Target, Writer

__all__ = ["global_average", "global_max"]

CHAINS = 4


def global_average(target: Target, source: Value, result: Value) -> Task:
    """Return what writes the mean of each channel to a value of single pixels."""
    return _task(target, source, result, "average")


def global_max(target: Target, source: Value, result: Value) -> Task:
    """Return what writes the largest element of each channel, or NaN if it has any."""
    return _task(target, source, result, "max")


def _task(target: Target, source: Value, result: Value, kind: str) -> Task:
    x, y = source.layout, result.layout
    v = volume(x)
    words: dict[str, Word] = {
        "x": source.origin,
        "y": result.origin,
        "batch": x.batch,
        "blocks": x.blocks,
        **dict(zip(("depth", "height", "width"), v.sizes, strict=True)),
        "x_image": x.image,
        "x_plane": x.plane,
        "x_slice": v.strides[0],
        "x_row": v.strides[1],
        "y_image": y.image,
        "y_plane": y.plane,
        "count": bits(prod(x.spatial)),
    }
    blocks = x.batch * x.blocks
    work = 4 * blocks * prod(x.spatial) * x.lanes
    return cut_task(pool_planes.kernel(target, kind=kind), words, blocks, work)


@row_template(
    *("x", "y", "batch", "blocks", "depth", "height", "width"),
    *("x_image", "x_plane", "x_slice", "x_row", "y_image", "y_plane", "count"),
)
def pool_planes(w: Writer, a: Any, kind: str) -> None:
    """Write the pixels of blocks."""
    count = w.float_of(a.count)
    whole = a.width // CHAINS * CHAINS
    with walk(w, a, (a.batch, a.blocks)) as (n, b):
        x = w.pointer(a.x) + (n * a.x_image + b * a.x_plane)
        total = Pool(w, kind)
        with w.loop(0, a.depth) as d, w.loop(0, a.height) as h:
            row = x + (d * a.x_slice + h * a.x_row)
            pools = [Pool(w, kind) for _ in range(CHAINS)]
            with w.loop(0, whole, CHAINS) as pixel:
                for chain, pool in enumerate(pools):
                    pool.take([row.load((pixel + chain) * w.lanes)])
            with w.loop(whole, a.width) as pixel:
                pools[0].take([row.load(pixel * w.lanes)])
            distance = CHAINS // 2
            while distance:
                for one, other in zip(pools[:distance], pools[distance:], strict=False):
                    one.join(other)
                distance //= 2
            total.join(pools[0])
        w.pointer(a.y).store(total.result(count), n * a.y_image + b * a.y_plane)
