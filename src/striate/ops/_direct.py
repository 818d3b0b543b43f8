"""Convolution and its two gradients as products with the patch matrix, a block at a time.

With W the weights of a group (a row for each map), P its patch matrix and Y the output::

    Y = W P + bias         forward
    P' = W^T Y'            gradient of the input, added back to where the patches were read
    W' = Y' P^T            gradient of the weights, computed as (P Y'^T)^T

Each kernel computes the blocks ``start ... stop`` of its result; no two blocks share a cell,
and how the result is cut does not change the order of any cell's sum. `blocks` says how it is
cut; see `Blocks`.

Source: Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document
Processing", 2006, for the patch matrix; Goto and van de Geijn, "Anatomy of High-Performance
Matrix Multiplication", 2008, for the blocking.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import AxisExtents, Extents, read_extents
from striate.ops._jit import kernel
from striate.ops._microkernel import multiply_tile
from striate.ops._patches import Layout, add_patches, cut_pieces, pack_patches, pack_transposed
from striate.ops._rows import copy_run, fill_run

__all__ = [
    "Blocks",
    "block_of",
    "convolve",
    "input_gradient",
    "read_blocks",
    "weight_gradient",
]

Flat = NDArray[np.floating]
Numbers = NDArray[np.int64]
Range = tuple[int, int]


class Blocks(NamedTuple):
    """How a result is cut: into blocks of `rows` x `columns`, summed over `depth` at a time.

    `tile_rows`, `lanes` and `width` are the microkernel's.
    """

    rows: int
    columns: int
    depth: int
    tile_rows: int
    lanes: int
    width: int


@kernel
def read_blocks(b: Numbers) -> Blocks:
    """Return the numbers under their names."""
    return Blocks(b[0], b[1], b[2], b[3], b[4], b[5])


@kernel
def block_of(unit: int, rows: int, columns: int, b: Blocks) -> tuple[int, int, int, int, int]:
    """Return group, first and last row, first and last column of a block of the result."""
    row_blocks, column_blocks = -(-rows // b.rows), -(-columns // b.columns)
    rest, row_block = divmod(unit, row_blocks)
    group, column_block = divmod(rest, column_blocks)
    r, c = row_block * b.rows, column_block * b.columns
    return group, r, min(r + b.rows, rows), c, min(c + b.columns, columns)


@kernel
def fill_bias(y: Flat, bias: Flat, e: Extents, group: int, maps: Range, columns: Range) -> None:
    """Start a block of y from the bias: none, one for each map or one for each unit."""
    column = columns[0]
    each_unit = bias.size == e.groups * e.maps * e.pixels
    while column < columns[1]:
        n, pixel = divmod(column, e.pixels)
        length = min(e.pixels - pixel, columns[1] - column)
        for m in range(group * e.maps + maps[0], group * e.maps + maps[1]):
            at = (n * e.groups * e.maps + m) * e.pixels + pixel
            if each_unit:
                copy_run((y, at, 1), (bias, m * e.pixels + pixel, 1), length)
            else:
                fill_run(y, at, length, bias[m] if bias.size > 0 else y.dtype.type(0))
        column += length


@kernel
def convolve(
    x: Flat,
    weight: Flat,
    bias: Flat,
    y: Flat,
    extents: Numbers,
    blocks: Numbers,
    start: int,
    stop: int,
) -> None:
    """Y = W P + bias: a block holds some maps of a group at some output positions."""
    e, b = read_extents(extents), read_blocks(blocks)
    inputs = e.channels * e.taps
    layout = Layout(b.width, (b.depth + 1) * b.width, b.width)
    panel = np.empty(-(-b.columns // b.width) * layout.step, y.dtype)
    pieces = np.empty((b.columns, 6), np.int64)
    tile = np.empty(b.tile_rows * b.width, y.dtype)
    for unit in range(start, stop):
        group, m0, m1, c0, c1 = block_of(unit, e.maps, e.batch * e.pixels, b)
        fill_bias(y, bias, e, group, (m0, m1), (c0, c1))
        count = cut_pieces(pieces, e, (c0, c1), layout)
        for k0 in range(0, inputs, b.depth):
            k1 = min(k0 + b.depth, inputs)
            pack_patches(x, panel, e, group, k0, k1 - k0, pieces[:count], layout)
            for m in range(m0, m1, b.tile_rows):
                a = ((group * e.maps + m) * inputs + k0, inputs, 1)
                rows = min(b.tile_rows, m1 - m)
                multiply_into_maps(
                    weight, a, panel, tile, y, e, b, (group, m, rows, k1 - k0, c0, c1)
                )


@kernel
def multiply_into_maps(
    weight: Flat,
    a: tuple[int, int, int],
    panel: Flat,
    tile: Flat,
    y: Flat,
    e: Extents,
    b: Blocks,
    part: tuple[int, int, int, int, int, int],
) -> None:
    """Multiply some rows of weights by all panels of a block.

    Most tiles are added to y in place. One that is not full, or spans two images, is added by
    way of `tile`, column by column.
    """
    group, m, rows, depth, c0, c1 = part
    images = e.groups * e.maps * e.pixels
    for column in range(c0, c1, b.width):
        packed = (column - c0) // b.width * (b.depth + 1) * b.width
        n, pixel = divmod(column, e.pixels)
        at = n * images + (group * e.maps + m) * e.pixels + pixel
        count = min(b.width, c1 - column)
        whole = count == b.width and pixel + count <= e.pixels
        if not whole:
            tile[:] = 0
        target, place = (y, (at, e.pixels)) if whole else (tile, (at - at, b.width))
        sizes = (depth, rows, -(-count // b.lanes))
        multiply_tile(weight, a, panel, packed, target, place, sizes)
        if not whole:
            for lane in range(count):
                for r in range(rows):
                    y[at + r * e.pixels] += tile[r * b.width + lane]
                at, pixel = at + 1, pixel + 1
                if pixel == e.pixels:
                    at, pixel = at + images - e.pixels, 0


@kernel
def input_gradient(
    dy: Flat,
    weight: Flat,
    bias: Flat,
    dx: Flat,
    extents: Numbers,
    blocks: Numbers,
    start: int,
    stop: int,
) -> None:
    """P' = W^T Y', added back: a block holds some channels of a group of some images.

    `bias` is that of a transposed convolution, whose output dx then is; empty for none.
    """
    e, b = read_extents(extents), read_blocks(blocks)
    flat = AxisExtents(e.pixels, e.pixels, 1, 1, 1, 0)
    one = AxisExtents(1, 1, 1, 1, 1, 0)
    maps = Extents(e.batch, e.groups, e.maps, 1, e.pixels, 1, one, one, flat)
    step = min(b.depth, -(-b.columns * e.pixels // b.width) * b.width)
    layout = Layout(b.width, (e.maps + 1) * b.width, b.width)
    wide = Layout(step, 0, step)
    panel = np.empty(step // b.width * layout.step, dx.dtype)
    pieces = np.empty((step, 6), np.int64)
    a = np.empty(e.maps * b.tile_rows, dx.dtype)
    tile = np.empty(b.tile_rows * step, dx.dtype)
    for unit in range(start, stop):
        group, r0, r1, n0, n1 = block_of(unit, e.channels, e.batch, b)
        fill_inputs(dx, bias, e, group, (r0, r1), (n0, n1))
        for c0 in range(n0 * e.pixels, n1 * e.pixels, step):
            c1 = min(c0 + step, n1 * e.pixels)
            count = cut_pieces(pieces, maps, (c0, c1), layout)
            pack_patches(dy, panel, maps, group, 0, e.maps, pieces[:count], layout)
            count = cut_pieces(pieces, e, (c0, c1), wide)
            for k0 in range(r0 * e.taps, r1 * e.taps, b.tile_rows):
                k1 = min(k0 + b.tile_rows, r1 * e.taps)
                pack_weights(weight, a, e, group, (k0, k1))
                tile[:] = 0
                for column in range(0, c1 - c0, b.width):
                    vectors = -(-min(b.width, c1 - c0 - column) // b.lanes)
                    sizes = (e.maps, k1 - k0, vectors)
                    at = (0, 1, k1 - k0)
                    packed = column // b.width * layout.step
                    multiply_tile(a, at, panel, packed, tile, (column, step), sizes)
                add_patches(tile, dx, e, group, (k0, k1), pieces[:count], step)


@kernel
def pack_weights(weight: Flat, a: Flat, e: Extents, group: int, columns: tuple[int, int]) -> None:
    """Pack some columns of a group's weights; they become the rows of a tile of W^T."""
    inputs, count = e.channels * e.taps, columns[1] - columns[0]
    for m in range(e.maps):
        row = (group * e.maps + m) * inputs + columns[0]
        copy_run((a, m * count, 1), (weight, row, 1), count)


@kernel
def fill_inputs(
    dx: Flat, bias: Flat, e: Extents, group: int, rows: tuple[int, int], images: tuple[int, int]
) -> None:
    """Start some channels of some images from zero or from the bias."""
    size = e.first.size * e.second.size * e.third.size
    channels = e.groups * e.channels
    for n in range(images[0], images[1]):
        for c in range(group * e.channels + rows[0], group * e.channels + rows[1]):
            at = (n * channels + c) * size
            if bias.size == channels * size:
                copy_run((dx, at, 1), (bias, c * size, 1), size)
            else:
                fill_run(dx, at, size, bias[c] if bias.size > 0 else dx.dtype.type(0))


@kernel
def weight_gradient(
    dy: Flat, x: Flat, dw: Flat, extents: Numbers, blocks: Numbers, start: int, stop: int
) -> None:
    """W'^T = P Y'^T: a block holds some inputs (channels and taps) of some maps of a group."""
    e, b = read_extents(extents), read_blocks(blocks)
    columns, inputs = e.batch * e.pixels, e.channels * e.taps
    maps = -(-b.columns // b.width) * b.width
    layout = Layout(b.depth, 0, b.width)
    patches = np.empty(b.rows * b.depth + b.width, dw.dtype)
    pieces = np.empty((b.depth, 6), np.int64)
    panel = np.empty(maps * b.depth, dw.dtype)
    total = np.empty(b.rows * maps, dw.dtype)
    for unit in range(start, stop):
        group, k0, k1, m0, m1 = block_of(unit, inputs, e.maps, b)
        total[:] = 0
        for c0 in range(0, columns, b.depth):
            c1 = min(c0 + b.depth, columns)
            depth = c1 - c0
            count = cut_pieces(pieces, e, (c0, c1), layout)
            pack_patches(x, patches, e, group, k0, k1 - k0, pieces[:count], layout)
            pack_transposed(dy, panel, e, group, (m0, m1), (c0, c1), b.width)
            for k in range(0, k1 - k0, b.tile_rows):
                a = (k * b.depth, b.depth, 1)
                rows = min(b.tile_rows, k1 - k0 - k)
                for m in range(0, m1 - m0, b.width):
                    vectors = -(-min(b.width, m1 - m0 - m) // b.lanes)
                    at = (k * maps + m, maps)
                    multiply_tile(patches, a, panel, m * depth, total, at, (depth, rows, vectors))
        for m in range(m0, m1):
            row = (group * e.maps + m) * inputs
            copy_run((dw, row + k0, 1), (total, m - m0, maps), k1 - k0)
