"""Winograd's convolution F(m x m, 3 x 3), a block of tiles at a time; stride and dilation are 1.

The outputs of an image are cut into tiles of m x m (m is 2 or 4), which read n x n inputs,
n = m + 2; see `_transforms` for the formulas. With U[p] the transformed weights of a group (a
row for each map) and V[p] its transformed tiles (a column for each), where p counts the n x n
elements of a transformed tile::

    Q[p] = U[p] V[p]        n x n products, then    Y = A^T Q A + bias

Tiles are numbered along the rows of all images, and lie across the lanes. A block holds some
maps at some tiles. V is made once for a block and Q for a few maps at a time, so that both stay
in the second-level cache. How the result is cut does not change the order of any sum.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4,
arXiv:1509.09308.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops._direct import Blocks, block_of, read_blocks
from striate.ops._extents import Extents, read_extents
from striate.ops._jit import inlined, kernel
from striate.ops._microkernel import multiply_tile
from striate.ops._rows import add_run, copy_run
from striate.ops._tile_rows import merge_row, split_row
from striate.ops._transforms import transform_input, transform_output, transform_weight

__all__ = ["convolve", "pack_weights"]

Flat = NDArray[np.floating]
Numbers = NDArray[np.int64]
Range = tuple[int, int]

DEPTH = 128  # channels added up at a time: sums of sums round less than one long one
CHUNK = 32  # channels whose weights are transformed at a time


class Tiling(NamedTuple):
    """Tiles of m x m outputs in an image, and how far apart in V, Q and scratch what belongs
    to the next p, row or map lies.
    """

    m: int
    rows: int
    columns: int
    pitch: int
    v_step: int
    q_step: int

    # A step of a power of two would put all p into a few places of the cache: `lanes` are added.


@kernel
def tiling_of(m: int, e: Extents, b: Blocks) -> Tiling:
    """Return the tiling of a convolution's output."""
    rows, columns = -(-e.second.output // m), -(-e.third.output // m)
    panels = -(-b.columns // b.width)
    v_step = panels * e.channels * b.width + b.lanes
    pitch = panels * b.width + b.lanes
    return Tiling(m, rows, columns, pitch, v_step, b.depth * pitch + b.lanes)


@kernel
def convolve(
    x: Flat,
    packed: Flat,
    bias: Flat,
    y: Flat,
    extents: Numbers,
    blocks: Numbers,
    start: int,
    stop: int,
) -> None:
    """Y = A^T (U V) A + bias: a block holds some maps of a group at some tiles.

    `blocks` are rows (maps) and columns (tiles) of a block, how many maps at a time, and m.
    """
    e, b = read_extents(extents), read_blocks(blocks)
    w = tiling_of(blocks[6], e, b)
    squares = (w.m + 2) ** 2
    v = np.empty(squares * w.v_step, y.dtype)
    q = np.empty(squares * w.q_step, y.dtype)
    scratch = np.empty(squares * w.pitch, y.dtype)
    runs = np.empty((b.columns, 5), np.int64)
    for unit in range(start, stop):
        group, m0, m1, t0, t1 = block_of(unit, e.maps, e.batch * w.rows * w.columns, b)
        count = cut_runs(runs, w, (t0, t1))
        transform_inputs(x, v, scratch, runs[:count], e, b, w, group, t1 - t0)
        for m in range(m0, m1, b.depth):
            maps = m, min(m + b.depth, m1)
            multiply(packed, v, q, e, b, w, group, maps, t1 - t0)
            write_outputs(q, bias, y, scratch, runs[:count], e, b, w, group, maps, t1 - t0)


@kernel
def cut_runs(runs: Numbers, w: Tiling, tiles: Range) -> int:
    """Note image, first row and column of outputs, number and place of the tiles of each row."""
    tile, count = tiles[0], 0
    while tile < tiles[1]:
        n, within = divmod(tile, w.rows * w.columns)
        i, j = divmod(within, w.columns)
        along = min(w.columns - j, tiles[1] - tile)
        runs[count, 0], runs[count, 1], runs[count, 2] = n, i * w.m, j * w.m
        runs[count, 3], runs[count, 4] = along, tile - tiles[0]
        tile, count = tile + along, count + 1
    return count


@inlined
def run_at(runs: Numbers, k: int) -> tuple[int, int, int, int, int]:
    """Return a noted run of tiles."""
    return runs[k, 0], runs[k, 1], runs[k, 2], runs[k, 3], runs[k, 4]


@kernel
def transform_inputs(
    x: Flat,
    v: Flat,
    d: Flat,
    runs: Numbers,
    e: Extents,
    b: Blocks,
    w: Tiling,
    group: int,
    tiles: int,
) -> None:
    """V = B^T d B for all channels of a group at some tiles."""
    n = w.m + 2
    for c in range(e.channels):
        for k in range(len(runs)):
            image, top, left, along, at = run_at(runs, k)
            plane = (image * e.groups + group) * e.channels + c
            row, column = top - e.second.before, left - e.third.before
            for i in range(row, row + n):
                start = (plane * e.second.size + i) * e.third.size + column
                size = e.third.size if 0 <= i < e.second.size else -w.m * along
                for j in range(0, along, b.lanes):
                    inside = -column - j * w.m, size - column - j * w.m
                    split_row(w.m, x, start + j * w.m, inside, d, at + j, w.pitch)
                at += n * w.pitch
        for j in range(0, tiles, b.lanes):
            panel, lane = divmod(j, b.width)
            at = (panel * e.channels + c) * b.width + lane
            transform_input(w.m, d, j, w.pitch, v, at, w.v_step)


@kernel
def multiply(
    packed: Flat,
    v: Flat,
    q: Flat,
    e: Extents,
    b: Blocks,
    w: Tiling,
    group: int,
    maps: Range,
    tiles: int,
) -> None:
    """Q[p] = U[p] V[p] for some maps of a group."""
    squares = (w.m + 2) ** 2
    q[:] = 0
    # Few tiles: each weight is used once or twice, and read in the order in which it lies. Many:
    # a panel of V stays in the first-level cache while all maps pass by.
    together = b.tile_rows if tiles <= 2 * b.width else b.depth
    for p in range(squares):
        for m0 in range(maps[0], maps[1], together):
            for t in range(0, tiles, b.width):
                vectors = -(-min(b.width, tiles - t) // b.lanes)
                for c in range(0, e.channels, DEPTH):
                    depth = min(DEPTH, e.channels - c)
                    panel = p * w.v_step + t * e.channels + c * b.width
                    for m in range(m0, min(m0 + together, maps[1]), b.tile_rows):
                        rows = min(b.tile_rows, maps[1] - m)
                        a = ((group * squares + p) * e.maps + m) * e.channels + c * rows, 1, rows
                        at = p * w.q_step + (m - maps[0]) * w.pitch + t, w.pitch
                        multiply_tile(packed, a, v, panel, q, at, (depth, rows, vectors))


@kernel
def write_outputs(
    q: Flat,
    bias: Flat,
    y: Flat,
    s: Flat,
    runs: Numbers,
    e: Extents,
    b: Blocks,
    w: Tiling,
    group: int,
    maps: Range,
    tiles: int,
) -> None:
    """Y = A^T Q A + bias for some maps of a group at some tiles."""
    each_unit = bias.size == e.groups * e.maps * e.pixels
    for m in range(group * e.maps + maps[0], group * e.maps + maps[1]):
        at = (m - group * e.maps - maps[0]) * w.pitch
        for j in range(0, tiles, b.lanes):
            transform_output(w.m, q, at + j, w.q_step, s, j, w.pitch)
        added = bias[m] if bias.size > 0 and not each_unit else y.dtype.type(0)
        for k in range(len(runs)):
            image, top, left, along, at = run_at(runs, k)
            plane = image * e.groups * e.maps + m
            length = min(along * w.m, e.third.output - left)
            for i in range(top, min(top + w.m, e.second.output)):
                pixel = i * e.third.output + left
                start = plane * e.pixels + pixel
                for j in range(0, along, b.lanes):
                    count = length - j * w.m
                    merge_row(w.m, s, at + j, w.pitch, y, start + j * w.m, count, added)
                if each_unit:
                    add_run((y, start, 1), (bias, m * e.pixels + pixel, 1), length)
                at += w.m * w.pitch


class Weights(NamedTuple):
    """How the weights of a group lie in memory, and tiles: see `pack_weights`."""

    maps: int
    channels: int
    map_step: int
    channel_step: int
    tap_step: int
    m: int
    tile_rows: int
    lanes: int


@kernel
def pack_weights(weight: Flat, packed: Flat, numbers: Numbers, start: int, stop: int) -> None:
    """U = G g G^T: packed[group, p, m // rows, c, m % rows], where `rows` are the microkernel's.

    A block is one tile of rows. `numbers` are `Weights`; taps are read from the last to the
    first if their step is -1.
    """
    k = numbers
    w = Weights(k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7])
    squares, pitch = (w.m + 2) ** 2, CHUNK * w.tile_rows + w.lanes
    g = np.empty(9 * pitch, np.float64)
    u = np.empty(squares * pitch, packed.dtype)
    tap0 = 8 if w.tap_step < 0 else 0
    for unit in range(start, stop):
        group, tile = divmod(unit, -(-w.maps // w.tile_rows))
        m0 = tile * w.tile_rows
        rows = min(w.tile_rows, w.maps - m0)
        for c0 in range(0, w.channels, CHUNK):
            count = min(CHUNK, w.channels - c0)
            for r in range(rows):
                first = group * w.maps * w.channels * 9 + (m0 + r) * w.map_step + tap0
                for c in range(count):
                    at = first + (c0 + c) * w.channel_step
                    for tap in range(9):
                        g[tap * pitch + c * rows + r] = weight[at + tap * w.tap_step]
            for j in range(0, count * rows, w.lanes):
                transform_weight(w.m, g, j, pitch, u, j, pitch)
            for p in range(squares):
                to = ((group * squares + p) * w.maps + m0) * w.channels + c0 * rows
                copy_run((packed, to, 1), (u, p * pitch, 1), count * rows)
