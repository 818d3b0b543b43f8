"""The patch matrix, in blocks: packed for a product, or added back where it came from.

Column ``p`` of the patch matrix is an output position (images one after another), row ``k`` a
channel and a tap: ``patches[k, p] = x[channel(k), position(p) * stride + tap(k) * dilation -
before]``, zero where that is padding. The matrix is never built; a block of it is packed into
panels of `width` columns, ``panel[p // width, k, p % width]``, which stay in the cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import Extents, place, tap
from striate.ops._jit import kernel

__all__ = ["add_patches", "pack_patches", "pack_transposed"]

Flat = NDArray[np.floating]
Range = tuple[int, int]


@kernel
def source_row(n: int, c: int, i: Range, o: Range, e: Extents) -> int:
    """Return where in x the row read by kernel row `i` at output row `o` starts; -1: padding."""
    r0 = o[0] * e.first.stride + i[0] * e.first.dilation - e.first.before
    r1 = o[1] * e.second.stride + i[1] * e.second.dilation - e.second.before
    if r0 < 0 or r0 >= e.first.size or r1 < 0 or r1 >= e.second.size:
        return -1
    plane = n * e.groups * e.channels + c
    return ((plane * e.first.size + r0) * e.second.size + r1) * e.third.size


@kernel
def inside(first: int, stride: int, size: int, length: int) -> Range:
    """Return which of `length` positions first, first + stride, ... lie in 0 ... size - 1."""
    lower = 0 if first >= 0 else -(first // stride)
    upper = 0 if first >= size else (size - 1 - first) // stride + 1
    lower, upper = min(lower, length), min(upper, length)
    return lower, max(lower, upper)


@kernel
def pack_patches(
    x: Flat, panel: Flat, e: Extents, group: int, rows: Range, columns: Range, width: int
) -> None:
    """Pack rows `rows` and columns `columns` of a group's patch matrix into panels."""
    depth = rows[1] - rows[0]
    column = columns[0]
    while column < columns[1]:
        n, o0, o1, o2 = place(column, e)
        length = min(e.third.output - o2, columns[1] - column)
        c, i0, i1, i2 = tap(rows[0], e)
        for k in range(depth):
            start = source_row(n, group * e.channels + c, (i0, i1), (o0, o1), e)
            first = o2 * e.third.stride + i2 * e.third.dilation - e.third.before
            valid = inside(first, e.third.stride, e.third.size, length if start >= 0 else 0)
            destination = (column - columns[0], k * width, depth * width)
            pack_row(x, start + first, e.third.stride, valid, panel, destination, width, length)
            i2 += 1
            if i2 == e.third.kernel:
                i2, i1 = 0, i1 + 1
                if i1 == e.second.kernel:
                    i1, i0 = 0, i0 + 1
                    if i0 == e.first.kernel:
                        i0, c = 0, c + 1
        column += length
    clear_unused(panel, depth, columns[1] - columns[0], width)


@kernel
def pack_row(
    x: Flat,
    start: int,
    stride: int,
    valid: Range,
    panel: Flat,
    destination: tuple[int, int, int],
    width: int,
    length: int,
) -> None:
    """Copy one run of a row of the patch matrix, which may span several panels."""
    column, row, step = destination
    lower, upper = valid
    done = 0
    while done < length:
        number, lane = divmod(column + done, width)
        end = min(done + width - lane, length)
        at = number * step + row + lane - done
        low, high = max(lower, done), min(upper, end)
        if stride == 1:
            for j in range(low, high):
                panel[at + j] = x[start + j]
        else:
            for j in range(low, high):
                panel[at + j] = x[start + j * stride]
        for j in range(done, min(low, end)):
            panel[at + j] = 0
        for j in range(max(high, done), end):
            panel[at + j] = 0
        done = end


@kernel
def clear_unused(panel: Flat, depth: int, columns: int, width: int) -> None:
    """Fill the last panel's unused lanes, so that old memory does not slow the product."""
    full, used = divmod(columns, width)
    if used > 0:
        for k in range(depth):
            row = (full * depth + k) * width
            for lane in range(used, width):
                panel[row + lane] = 0


@kernel
def add_patches(
    block: Flat, dx: Flat, e: Extents, group: int, rows: Range, columns: Range, width: int
) -> None:
    """Add rows of a block of the patch matrix back to the elements they were read from."""
    c, i0, i1, i2 = tap(rows[0], e)
    stride = e.third.stride
    for k in range(rows[1] - rows[0]):
        column = columns[0]
        while column < columns[1]:
            n, o0, o1, o2 = place(column, e)
            length = min(e.third.output - o2, columns[1] - column)
            start = source_row(n, group * e.channels + c, (i0, i1), (o0, o1), e)
            first = o2 * stride + i2 * e.third.dilation - e.third.before
            lower, upper = inside(first, stride, e.third.size, length if start >= 0 else 0)
            at, source = start + first, k * width + column - columns[0]
            if stride == 1:
                for j in range(lower, upper):
                    dx[at + j] += block[source + j]
            else:
                for j in range(lower, upper):
                    dx[at + j * stride] += block[source + j]
            column += length
        i2 += 1
        if i2 == e.third.kernel:
            i2, i1 = 0, i1 + 1
            if i1 == e.second.kernel:
                i1, i0 = 0, i0 + 1
                if i0 == e.first.kernel:
                    i0, c = 0, c + 1


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
            for j in range(length):
                panel[at + j * width] = y[plane * e.pixels + pixel + j]
            at += length * width
            column += length
    full, used = divmod(maps[1] - maps[0], width)
    if used > 0:
        for j in range(depth):
            row = (full * depth + j) * width
            for lane in range(used, width):
                panel[row + lane] = 0
