"""Pooling kernels: a block is a plane, one channel of one image.

The forward kernels go over the taps outside and a row of outputs inside, which the compiler
can vectorise; windows are clipped to the input, so padding is never read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import AxisExtents, Extents, read_extents
from striate.ops._jit import kernel

__all__ = ["average_pool", "average_pool_gradient", "max_pool", "max_pool_gradient"]

Flat = NDArray[np.floating]
Numbers = NDArray[np.int64]


@kernel
def readers(i: int, axis: AxisExtents) -> tuple[int, int, int]:
    """Return first and last output that find tap `i` inside the input, and what the first reads."""
    offset = i * axis.dilation - axis.before
    first = max(0, -(offset // axis.stride)) if offset < 0 else 0
    stop = 0 if offset >= axis.size else (axis.size - 1 - offset) // axis.stride + 1
    return first, max(first, min(stop, axis.output)), offset + first * axis.stride


@kernel
def position(o: int, i: int, axis: AxisExtents) -> int:
    """Return the input that output `o` reads at tap `i`, or -1 where that is padding."""
    at = o * axis.stride + i * axis.dilation - axis.before
    return at if 0 <= at < axis.size else -1


@kernel
def row_read(plane: int, o: tuple[int, int], i: tuple[int, int], e: Extents) -> int:
    """Return where in x the row starts that output row `o` reads at tap row `i`, or -1."""
    r0, r1 = position(o[0], i[0], e.first), position(o[1], i[1], e.second)
    if r0 < 0 or r1 < 0:
        return -1
    return ((plane * e.first.size + r0) * e.second.size + r1) * e.third.size


@kernel
def max_pool(x: Flat, y: Flat, extents: Numbers, start: int, stop: int) -> None:
    """Take the largest input in each window; NaN is larger than any number."""
    e = read_extents(extents)
    stride, width = e.third.stride, e.third.output
    for plane in range(start, stop):
        for o in range(e.first.output * e.second.output):
            o0, o1 = divmod(o, e.second.output)
            out = plane * e.pixels + o * width
            y[out : out + width] = -np.inf
            for i in range(e.first.kernel * e.second.kernel):
                i0, i1 = divmod(i, e.second.kernel)
                row = row_read(plane, (o0, o1), (i0, i1), e)
                for i2 in range(e.third.kernel if row >= 0 else 0):
                    first, last, offset = readers(i2, e.third)
                    for j in range(last - first):
                        value, best = x[row + offset + j * stride], y[out + first + j]
                        y[out + first + j] = value if (value > best or value != value) else best


@kernel
def max_pool_gradient(
    dy: Flat, x: Flat, y: Flat, dx: Flat, extents: Numbers, start: int, stop: int
) -> None:
    """Give each output's gradient to the first input in its window that equals it."""
    e = read_extents(extents)
    size = e.first.size * e.second.size * e.third.size
    for plane in range(start, stop):
        dx[plane * size : (plane + 1) * size] = 0
        for pixel in range(e.pixels):
            out = plane * e.pixels + pixel
            winner = first_equal(x, y[out], plane, pixel, e)
            if winner >= 0:
                dx[winner] += dy[out]


@kernel
def first_equal(x: Flat, value: float, plane: int, pixel: int, e: Extents) -> int:
    """Return the first input of a window, in row-major order, that equals `value`; -1 if none."""
    row, o2 = divmod(pixel, e.third.output)
    o0, o1 = divmod(row, e.second.output)
    for i0 in range(e.first.kernel):
        for i1 in range(e.second.kernel):
            start = row_read(plane, (o0, o1), (i0, i1), e)
            for i2 in range(e.third.kernel if start >= 0 else 0):
                at = position(o2, i2, e.third)
                if at >= 0:
                    seen = x[start + at]
                    if seen == value or (seen != seen and value != value):
                        return start + at
    return -1


@kernel
def average_pool(x: Flat, counts: Flat, y: Flat, extents: Numbers, start: int, stop: int) -> None:
    """Take the mean of each window; `counts` are the divisors of each axis, one after another."""
    e = read_extents(extents)
    stride, width = e.third.stride, e.third.output
    second, third = e.first.output, e.first.output + e.second.output
    for plane in range(start, stop):
        for o in range(e.first.output * e.second.output):
            o0, o1 = divmod(o, e.second.output)
            out = plane * e.pixels + o * width
            y[out : out + width] = 0
            for i in range(e.first.kernel * e.second.kernel):
                i0, i1 = divmod(i, e.second.kernel)
                row = row_read(plane, (o0, o1), (i0, i1), e)
                for i2 in range(e.third.kernel if row >= 0 else 0):
                    first, last, offset = readers(i2, e.third)
                    for j in range(last - first):
                        y[out + first + j] += x[row + offset + j * stride]
            share = counts[o0] * counts[second + o1]
            for o2 in range(width):
                y[out + o2] /= share * counts[third + o2]


@kernel
def average_pool_gradient(
    dy: Flat, counts: Flat, dx: Flat, extents: Numbers, start: int, stop: int
) -> None:
    """Spread each output's gradient evenly over its window."""
    e = read_extents(extents)
    stride, width = e.third.stride, e.third.output
    second, third = e.first.output, e.first.output + e.second.output
    size = e.first.size * e.second.size * e.third.size
    share = np.empty(width, dx.dtype)
    for plane in range(start, stop):
        dx[plane * size : (plane + 1) * size] = 0
        for o in range(e.first.output * e.second.output):
            o0, o1 = divmod(o, e.second.output)
            out, count = plane * e.pixels + o * width, counts[o0] * counts[second + o1]
            for o2 in range(width):
                share[o2] = dy[out + o2] / (count * counts[third + o2])
            for i in range(e.first.kernel * e.second.kernel):
                i0, i1 = divmod(i, e.second.kernel)
                row = row_read(plane, (o0, o1), (i0, i1), e)
                for i2 in range(e.third.kernel if row >= 0 else 0):
                    first, last, offset = readers(i2, e.third)
                    for j in range(last - first):
                        dx[row + offset + j * stride] += share[first + j]
