"""A convolution's sizes as the kernels see them: always three axes, names instead of indices.

One and two axes are three whose first ones have size 1. Sizes travel into compiled code as one
array of integers, which costs Numba a tenth of what a nested tuple does, and are given their
names there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import inlined, kernel

__all__ = ["AxisExtents", "Extents", "extents_array", "place", "read_extents", "tap"]


class AxisExtents(NamedTuple):
    """One axis: output `o` reads the inputs ``o * stride + i * dilation - before``."""

    size: int
    output: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0


class Extents(NamedTuple):
    """All sizes of a convolution; `channels` and `maps` are those of one group."""

    batch: int
    groups: int
    channels: int
    maps: int
    pixels: int
    taps: int
    first: AxisExtents
    second: AxisExtents
    third: AxisExtents


def extents_array(
    batch: int, groups: int, channels: int, maps: int, axes: Sequence[AxisExtents]
) -> NDArray[np.int64]:
    """Return the sizes of a convolution over one to three axes as `read_extents` takes them."""
    three = [AxisExtents(1, 1)] * (3 - len(axes)) + list(axes)
    flat = [number for axis in three for number in axis]
    return np.array([batch, groups, channels, maps, *flat], np.int64)


@kernel
def read_extents(numbers: NDArray[np.int64]) -> Extents:
    """Return the sizes under their names."""
    n = numbers
    first = AxisExtents(n[4], n[5], n[6], n[7], n[8], n[9])
    second = AxisExtents(n[10], n[11], n[12], n[13], n[14], n[15])
    third = AxisExtents(n[16], n[17], n[18], n[19], n[20], n[21])
    pixels = first.output * second.output * third.output
    taps = first.kernel * second.kernel * third.kernel
    return Extents(n[0], n[1], n[2], n[3], pixels, taps, first, second, third)


@inlined
def place(column: int, e: Extents) -> tuple[int, int, int, int]:
    """Return image and output position of a column: columns run over images, then pixels."""
    image, pixel = divmod(column, e.pixels)
    row, o2 = divmod(pixel, e.third.output)
    o0, o1 = divmod(row, e.second.output)
    return image, o0, o1, o2


@inlined
def tap(k: int, e: Extents) -> tuple[int, int, int, int]:
    """Return channel and kernel position of a row of the patch matrix."""
    channel, position = divmod(k, e.taps)
    row, i2 = divmod(position, e.third.kernel)
    i0, i1 = divmod(row, e.second.kernel)
    return channel, i0, i1, i2
