"""Pooling kernels: a block is a plane, one channel of one image.

The forward kernels go over the taps outside and a row of outputs inside, which the compiler
can vectorise; windows are clipped to the input, so padding is never read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import Extents, read_extents
from striate.ops._jit import inlined, kernel
from striate.ops._rows import Run, add_run, fill_run, position, readers, row_read

__all__ = ["average_pool", "average_pool_gradient", "max_pool", "max_pool_gradient"]

Flat = NDArray[np.floating]
Numbers = NDArray[np.int64]


@inlined
def keep_larger(best: Run, run: Run, count: int) -> None:
    """Replace the elements of `best`, which has step 1, that are smaller than those of a run."""
    y, x = best[0], run[0]
    i, k, step = np.uint64(best[1]), np.uint64(run[1]), np.uint64(run[2])
    for j in range(np.uint64(count)):
        value, known = x[k + j * step], y[i + j]
        y[i + j] = value if (value > known or value != value) else known


@kernel
def max_pool(x: Flat, y: Flat, extents: Numbers, start: int, stop: int) -> None:
    """Take the largest input in each window; NaN is larger than any number."""
    e = read_extents(extents)
    stride, width = e.third.stride, e.third.output
    for plane in range(start, stop):
        for o in range(e.first.output * e.second.output):
            o0, o1 = divmod(o, e.second.output)
            out = plane * e.pixels + o * width
            fill_run(y, out, width, -np.inf)
            for i in range(e.first.kernel * e.second.kernel):
                i0, i1 = divmod(i, e.second.kernel)
                row = row_read(plane, (o0, o1), (i0, i1), e)
                for i2 in range(e.third.kernel if row >= 0 else 0):
                    first, last, offset = readers(i2, e.third)
                    run = (x, row + offset, stride)
                    keep_larger((y, out + first, 1), run, last - first)


@kernel
def max_pool_gradient(
    dy: Flat, x: Flat, y: Flat, dx: Flat, extents: Numbers, start: int, stop: int
) -> None:
    """Give each output's gradient to the first input in its window that equals it."""
    e = read_extents(extents)
    size = e.first.size * e.second.size * e.third.size
    for plane in range(start, stop):
        fill_run(dx, plane * size, size, 0)
        for o in range(e.first.output * e.second.output):
            o01 = divmod(o, e.second.output)
            for o2 in range(e.third.output):
                out = plane * e.pixels + o * e.third.output + o2
                winner = first_equal(x, y[out], plane, o01, o2, e)
                if winner >= 0:
                    dx[winner] += dy[out]


@inlined
def first_equal(x: Flat, value: float, plane: int, o: tuple[int, int], o2: int, e: Extents) -> int:
    """Return the first input of a window, in row-major order, that equals `value`; -1 if none."""
    for i0 in range(e.first.kernel):
        for i1 in range(e.second.kernel):
            start = row_read(plane, o, (i0, i1), e)
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
            fill_run(y, out, width, 0)
            for i in range(e.first.kernel * e.second.kernel):
                i0, i1 = divmod(i, e.second.kernel)
                row = row_read(plane, (o0, o1), (i0, i1), e)
                for i2 in range(e.third.kernel if row >= 0 else 0):
                    first, last, offset = readers(i2, e.third)
                    run = (x, row + offset, stride)
                    add_run((y, out + first, 1), run, last - first)
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
        fill_run(dx, plane * size, size, 0)
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
                    run = (dx, row + offset, stride)
                    add_run(run, (share, first, 1), last - first)
