"""Convolution and its two gradients, tap by tap along the rows.

For groups of few maps, depthwise convolution above all, the patch matrix would be packed for
next to no product. Here a row of outputs takes one tap after another instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import Extents, read_extents
from striate.ops._jit import inlined, kernel
from striate.ops._rows import Run, add_scaled, copy_run, fill_run, readers

__all__ = ["convolve", "input_gradient", "weight_gradient"]

Flat = NDArray[np.floating]
Numbers = NDArray[np.int64]
Taps = NDArray[np.int64]


@kernel
def start_plane(y: Flat, bias: Flat, plane: int, planes: int, size: int) -> None:
    """Start a plane from the bias: none, one for each plane of an image or one for each unit."""
    p = plane % planes
    if bias.size == planes * size:
        copy_run((y, plane * size, 1), (bias, p * size, 1), size)
    else:
        fill_run(y, plane * size, size, bias[p] if bias.size > 0 else y.dtype.type(0))


@kernel
def note_taps(e: Extents) -> Taps:
    """Return for each tap its rows before stride, first and last output, and what that reads."""
    taps = np.empty((e.taps, 5), np.int64)
    for t in range(e.taps):
        row, i2 = divmod(t, e.third.kernel)
        i0, i1 = divmod(row, e.second.kernel)
        taps[t, 0] = i0 * e.first.dilation - e.first.before
        taps[t, 1] = i1 * e.second.dilation - e.second.before
        taps[t, 2], taps[t, 3], taps[t, 4] = readers(i2, e.third)
    return taps


@inlined
def row_at(taps: Taps, t: int, o: tuple[int, int], plane: int, e: Extents) -> tuple[int, int, int]:
    """Return what a row of outputs reads at a tap: first and last output, and the first input."""
    r0 = o[0] * e.first.stride + taps[t, 0]
    r1 = o[1] * e.second.stride + taps[t, 1]
    if r0 < 0 or r0 >= e.first.size or r1 < 0 or r1 >= e.second.size:
        return 0, 0, 0
    start = ((plane * e.first.size + r0) * e.second.size + r1) * e.third.size
    return taps[t, 2], taps[t, 3], start + taps[t, 4]


@kernel
def convolve(
    x: Flat, weight: Flat, bias: Flat, y: Flat, extents: Numbers, start: int, stop: int
) -> None:
    """y[n, m, o] = bias[m] + sum over c, i of weight[m, c, i] * x[n, c, o * S + i * D - before].

    A block is one map of one image.
    """
    e = read_extents(extents)
    taps = note_taps(e)
    width, stride, maps = e.third.output, e.third.stride, e.groups * e.maps
    for plane in range(start, stop):
        n, m = divmod(plane, maps)
        start_plane(y, bias, plane, maps, e.pixels)
        for o in range(e.first.output * e.second.output):
            o01 = divmod(o, e.second.output)
            out = plane * e.pixels + o * width
            for c in range(e.channels):
                source = n * e.groups * e.channels + m // e.maps * e.channels + c
                for tap in range(e.taps):
                    w = weight[(m * e.channels + c) * e.taps + tap]
                    first, last, at = row_at(taps, tap, o01, source, e)
                    add_scaled((y, out + first, 1), (x, at, stride), last - first, w)


@kernel
def input_gradient(
    dy: Flat, weight: Flat, bias: Flat, dx: Flat, extents: Numbers, start: int, stop: int
) -> None:
    """dx[n, c, o * S + i * D - before] += weight[m, c, i] * dy[n, m, o], from dx = bias.

    A block is one channel of one image.
    """
    e = read_extents(extents)
    taps = note_taps(e)
    width, stride, channels = e.third.output, e.third.stride, e.groups * e.channels
    for plane in range(start, stop):
        n, channel = divmod(plane, channels)
        group, c = divmod(channel, e.channels)
        start_plane(dx, bias, plane, channels, e.first.size * e.second.size * e.third.size)
        for m in range(group * e.maps, (group + 1) * e.maps):
            for o in range(e.first.output * e.second.output):
                o01 = divmod(o, e.second.output)
                source = (n * e.groups * e.maps + m) * e.pixels + o * width
                for tap in range(e.taps):
                    w = weight[(m * e.channels + c) * e.taps + tap]
                    first, last, at = row_at(taps, tap, o01, plane, e)
                    add_scaled((dx, at, stride), (dy, source + first, 1), last - first, w)


@inlined
def add_products(target: tuple[Flat, int], one: tuple[Flat, int], other: Run, count: int) -> None:
    """Add the products of two runs, element by element, to a third; see `add_scaled`."""
    y, a, b = target[0], one[0], other[0]
    i, k, m = np.uint64(target[1]), np.uint64(one[1]), np.uint64(other[1])
    step = np.uint64(other[2])
    if other[2] == 1:
        for j in range(np.uint64(count)):
            y[i + j] += a[k + j] * b[m + j]
    else:
        for j in range(np.uint64(count)):
            y[i + j] += a[k + j] * b[m + j * step]


@kernel
def weight_gradient(dy: Flat, x: Flat, dw: Flat, extents: Numbers, start: int, stop: int) -> None:
    """dweight[m, c, i] = sum over n, o of dy[n, m, o] * x[n, c, o * S + i * D - before].

    A block is one kernel, that of map m and channel c. Sums are kept apart for each column of
    outputs until the end: a single one would have to add its terms one at a time.
    """
    e = read_extents(extents)
    taps = note_taps(e)
    width, stride = e.third.output, e.third.stride
    sums = np.empty(e.taps * width, dw.dtype)
    for block in range(start, stop):
        m, c = divmod(block, e.channels)
        sums[:] = 0
        for n in range(e.batch):
            source = n * e.groups * e.channels + m // e.maps * e.channels + c
            for o in range(e.first.output * e.second.output):
                o01 = divmod(o, e.second.output)
                row = (n * e.groups * e.maps + m) * e.pixels + o * width
                for tap in range(e.taps):
                    first, last, at = row_at(taps, tap, o01, source, e)
                    to = (sums, tap * width + first)
                    add_products(to, (dy, row + first), (x, at, stride), last - first)
        for tap in range(e.taps):
            total = dw.dtype.type(0)
            for j in range(width):
                total += sums[tap * width + j]
            dw[block * e.taps + tap] = total
