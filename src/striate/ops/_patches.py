"""The patch matrix, in blocks: packed for a product, or added back where it came from.

Column ``p`` of the patch matrix is an output position (images one after another), row ``k`` a
channel and a tap: ``patches[k, p] = x[channel(k), position(p) * stride + tap(k) * dilation -
before]``, zero where that is padding. The matrix is never built; a block of it is packed into
panels of `width` columns, ``panel[p // width][k][p % width]``, which stay in the cache.

A block's columns are first cut into *pieces*, each within one row of outputs and one panel,
whose places are noted once; then every row of the block copies its pieces, at strides 1 and 2
register by register. Such a copy takes a whole panel row whatever the piece's length: what it
writes beyond is overwritten by the next piece or the next row, and each panel has one row to
spare for the last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import Extents, place, tap
from striate.ops._jit import inlined, kernel
from striate.ops._microkernel import copy_row
from striate.ops._rows import add_run, copy_run, fill_run
from striate.ops._tile_rows import copy_second

__all__ = ["Layout", "add_patches", "cut_pieces", "pack_patches", "pack_transposed"]

Flat = NDArray[np.floating]
Pieces = NDArray[np.int64]
Range = tuple[int, int]


class Layout(NamedTuple):
    """Panels of `width` columns, `step` elements apart, in pieces of at most `longest`."""

    width: int
    step: int
    longest: int


class Piece(NamedTuple):
    """A run of columns: what it reads at the first tap, its length, its place in the panels."""

    image: int
    row0: int
    row1: int
    column: int
    length: int
    at: int


@kernel
def cut_pieces(pieces: Pieces, e: Extents, columns: Range, layout: Layout) -> int:
    """Note the pieces of some columns; return how many they are."""
    count, column = 0, columns[0]
    while column < columns[1]:
        n, o0, o1, o2 = place(column, e)
        number, lane = divmod(column - columns[0], layout.width)
        length = min(e.third.output - o2, columns[1] - column, layout.width - lane)
        length = min(length, layout.longest)
        pieces[count, 0] = n * e.groups * e.channels
        pieces[count, 1] = o0 * e.first.stride - e.first.before
        pieces[count, 2] = o1 * e.second.stride - e.second.before
        pieces[count, 3] = o2 * e.third.stride - e.third.before
        pieces[count, 4] = length
        pieces[count, 5] = number * layout.step + lane
        count, column = count + 1, column + length
    return count


@inlined
def next_tap(c: int, i: tuple[int, int, int], e: Extents) -> tuple[int, tuple[int, int, int]]:
    """Return channel and kernel position of the next row of the patch matrix."""
    i0, i1, i2 = i
    if i2 + 1 < e.third.kernel:
        return c, (i0, i1, i2 + 1)
    if i1 + 1 < e.second.kernel:
        return c, (i0, i1 + 1, 0)
    if i0 + 1 < e.first.kernel:
        return c, (i0 + 1, 0, 0)
    return c + 1, (0, 0, 0)


@inlined
def source(c: int, i: tuple[int, int, int], p: Piece, e: Extents) -> tuple[int, int, int]:
    """Return where a piece is read from at a tap, and which part of it lies inside the input."""
    r0, r1 = p.row0 + i[0] * e.first.dilation, p.row1 + i[1] * e.second.dilation
    first, stride = p.column + i[2] * e.third.dilation, e.third.stride
    start = ((p.image + c) * e.first.size + r0) * e.second.size + r1
    if r0 < 0 or r0 >= e.first.size or r1 < 0 or r1 >= e.second.size:
        return start, 0, 0
    if stride == 1:
        lower, upper = max(0, -first), e.third.size - first
    else:
        lower = 0 if first >= 0 else -(first // stride)
        upper = 0 if first >= e.third.size else (e.third.size - 1 - first) // stride + 1
    lower, upper = min(lower, p.length), min(upper, p.length)
    return start * e.third.size + first, lower, max(lower, upper)


@inlined
def piece(pieces: Pieces, j: int) -> Piece:
    """Return a noted piece."""
    p = pieces
    return Piece(p[j, 0], p[j, 1], p[j, 2], p[j, 3], p[j, 4], p[j, 5])


@kernel
def pack_patches(
    x: Flat,
    panel: Flat,
    e: Extents,
    group: int,
    start_row: int,
    rows: int,
    pieces: Pieces,
    layout: Layout,
) -> None:
    """Pack `rows` rows, from `start_row` on, of a group's patch matrix at the noted columns."""
    c, i0, i1, i2 = tap(start_row, e)
    i, stride, last = (i0, i1, i2), e.third.stride, x.size - layout.longest
    for k in range(rows):
        for j in range(len(pieces)):
            p = piece(pieces, j)
            start, lower, upper = source(group * e.channels + c, i, p, e)
            at = p.at + k * layout.width
            if stride == 2:
                copy_second(x, start, (2 * lower, 2 * upper - 1), panel, at)
                continue
            if stride == 1 and upper > lower and 0 <= start <= last:
                copy_row(x, start, panel, at)
            else:
                run = (x, start + lower * stride, stride)
                copy_run((panel, at + lower, 1), run, upper - lower)
            fill_run(panel, at, lower, 0)
            fill_run(panel, at + upper, p.length - upper, 0)
        c, i = next_tap(c, i, e)


@kernel
def add_patches(
    block: Flat, dx: Flat, e: Extents, group: int, rows: Range, pieces: Pieces, width: int
) -> None:
    """Add rows of a block of the patch matrix back to the elements they were read from."""
    c, i0, i1, i2 = tap(rows[0], e)
    i, stride = (i0, i1, i2), e.third.stride
    for k in range(rows[1] - rows[0]):
        for j in range(len(pieces)):
            p = piece(pieces, j)
            start, lower, upper = source(group * e.channels + c, i, p, e)
            at = p.at + k * width
            run = (dx, start + lower * stride, stride)
            add_run(run, (block, at + lower, 1), upper - lower)
        c, i = next_tap(c, i, e)


@kernel
def pack_transposed(
    y: Flat, panel: Flat, e: Extents, group: int, maps: Range, columns: Range, width: int
) -> None:
    """Pack maps of y as panels with a lane for each map: panel[m // width, p, m % width]."""
    depth = columns[1] - columns[0]
    for m in range(maps[1] - maps[0]):
        number, lane = divmod(m, width)
        at = number * depth * width + lane
        column = columns[0]
        while column < columns[1]:
            n, pixel = divmod(column, e.pixels)
            length = min(e.pixels - pixel, columns[1] - column)
            plane = (n * e.groups + group) * e.maps + maps[0] + m
            copy_run((panel, at, width), (y, plane * e.pixels + pixel, 1), length)
            at += length * width
            column += length
