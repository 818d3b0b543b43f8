"""Kernels of pooling: windows of a row of outputs side by side, so that they share what they read.

Only taps inside the image are read. Outputs whose windows lie inside it along the last axis are
done in tiles; those at its edges one by one. Along the other axes, each row knows its taps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from striate.geometry import Axis, Window
from striate.ops._reference import axis_counts
from striate.ops.blocked.layout import Value
from striate.ops.blocked.pool import Pool
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer

__all__ = ["average_pool", "inside_taps", "max_pool", "tile_width"]

WIDEST = 8
"""Taps along the last axis up to which tiles are written out; wider windows loop over them."""

PLACES = (
    *("x", "y", "batch", "blocks", "slices", "rows", "width"),
    *("x_image", "x_plane", "x_slice", "x_row", "y_image", "y_plane", "y_slice", "y_row"),
)


def max_pool(target: Target, source: Value, result: Value, window: Window) -> Task:
    """Return what writes the largest element of each window; NaN in a window gives NaN."""
    return _task(target, source, result, window, True, "max")


def average_pool(
    target: Target, source: Value, result: Value, window: Window, count_include_pad: bool = True
) -> Task:
    """Return what writes the mean of each window, with or without padding in its count."""
    return _task(target, source, result, window, count_include_pad, "average")


def _task(
    target: Target, source: Value, result: Value, window: Window, count_padding: bool, kind: str
) -> Task:
    x, y = source.layout, result.layout
    v, out = volume(x), volume(y)
    single = Axis(1)
    window = window.at(x.spatial)
    axes = (single,) * (3 - window.rank) + window.axes
    taps = [inside_taps(*sizes) for sizes in zip(axes, v.sizes, out.sizes, strict=True)]
    full = [o for o, (_, count) in enumerate(taps[2]) if count == axes[2].kernel]
    tiled = bool(full) and axes[2].kernel <= WIDEST
    begin, end = (full[0], full[-1] + 1) if tiled else (0, 0)
    counts = axis_counts(v.sizes, Window(axes), out.sizes, count_padding)
    tile = tile_width(end - begin, target.registers // 4)
    last = axes[2]
    words: dict[str, Word] = {
        "x": source.origin,
        "y": result.origin,
        "batch": x.batch,
        "blocks": x.blocks,
        **dict(zip(("slices", "rows", "width"), out.sizes, strict=True)),
        "x_image": x.image,
        "x_plane": x.plane,
        "x_slice": v.strides[0],
        "x_row": v.strides[1],
        "y_image": y.image,
        "y_plane": y.plane,
        "y_slice": out.strides[0],
        "y_row": out.strides[1],
        "taps": np.array(list(chain(*taps)), np.int64),
        "counts": np.array(list(chain(*counts)), np.float32),
        "d_step": axes[0].dilation * v.strides[0],
        "h_step": axes[1].dilation * v.strides[1],
        "begin": begin,
        "end": end,
        "before": last.before,
    }
    constants = {"stride": last.stride, "dilation": last.dilation, "tile": tile}
    taps_of_tile = last.kernel if tiled else 0
    kernel = pool_rows.kernel(target, kind=kind, taps=taps_of_tile, **constants)
    blocks = x.batch * x.blocks * out.sizes[0] * out.sizes[1]
    work = blocks * out.sizes[2] * target.lanes * max(4, prod(window.kernel))
    return cut_task(kernel, words, blocks, work)


def tile_width(outputs: int, most: int) -> int:
    """Return how wide tiles are, at most `most`, so that they differ least from each other.

    >>> tile_width(56, 8), tile_width(7, 8), tile_width(9, 8), tile_width(0, 8)
    (8, 7, 5, 1)
    """
    tiles = max(1, -(-outputs // most))
    return max(1, -(-outputs // tiles))


def inside_taps(axis: Axis, size: int, outputs: int) -> list[tuple[int, int]]:
    """Return the first input of each output, and how many it reads, of those in the image."""
    inside = []
    for taps in map(axis.taps, range(outputs)):
        after = taps[max(0, -(taps.start // taps.step)) :]  # those at 0 and beyond
        read = range(after.start, min(after.stop, size), after.step)
        inside.append((read.start, len(read)) if read else (0, 0))
    return inside


@contextmanager
def _rows_of(
    w: Writer, x: Pointer, sizes: tuple[Index, Index], steps: tuple[Index, Index]
) -> Iterator[Pointer]:
    """Repeat for the rows of a window."""
    with w.loop(0, sizes[0]) as d, w.loop(0, sizes[1]) as h:
        yield x + (d * steps[0] + h * steps[1])


@row_template(*PLACES, "taps", "counts", "d_step", "h_step", "begin", "end", "before")
def pool_rows(
    w: Writer, a: Any, kind: str, taps: int, stride: int, dilation: int, tile: int
) -> None:
    """Write rows of outputs; `taps` are those of the last axis, 0 if tiles are not written out."""
    table, counts = w.pointer(a.taps), w.pointer(a.counts)
    first_row, first_column = a.slices, a.slices + a.rows
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        y = w.pointer(a.y) + (n * a.y_image + b * a.y_plane + d * a.y_slice + h * a.y_row)
        depth, height = w.word(table, d * 2), w.word(table, (first_row + h) * 2)
        corner = n * a.x_image + b * a.x_plane + depth * a.x_slice + height * a.x_row
        x = w.pointer(a.x) + corner
        sizes = w.word(table, d * 2 + 1), w.word(table, (first_row + h) * 2 + 1)
        steps = a.d_step, a.h_step
        share = counts.broadcast(d) * counts.broadcast(first_row + h)

        def count(column: Index) -> Vector:
            return share * counts.broadcast(first_column + column)

        def edge(begin: Index | int, end: Index) -> None:
            with w.loop(begin, end) as column:
                word = (first_column + column) * 2
                at, across = x + w.word(table, word) * w.lanes, w.word(table, word + 1)
                pool = Pool(w, kind)
                with _rows_of(w, at, sizes, steps) as row, w.loop(0, across) as tap:
                    pool.take([row.load(tap * (dilation * w.lanes))])
                y.store(pool.result(count(column)), column * w.lanes)

        def tiles() -> None:
            with w.loop(a.begin, a.end, tile) as start:
                column = start.least(a.end - tile)
                at = x + (column * stride - a.before) * w.lanes
                pools = [Pool(w, kind) for _ in range(tile)]
                with _rows_of(w, at, sizes, steps) as row:
                    reads = [[t * stride + k * dilation for k in range(taps)] for t in range(tile)]
                    pixels = {p: row.load(p * w.lanes) for p in sorted(set(chain(*reads)))}
                    for pool, places in zip(pools, reads, strict=True):
                        pool.take([pixels[p] for p in places])
                for t, pool in enumerate(pools):
                    y.store(pool.result(count(column + t)), (column + t) * w.lanes)

        edge(0, a.begin)
        if taps:
            tiles()
        edge(a.end, a.width)
