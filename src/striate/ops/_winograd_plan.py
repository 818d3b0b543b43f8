"""The plan of Winograd's convolution: which tiles, how it is cut, and what it costs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops import _winograd
from striate.ops._blocking import Cut, Sizes, cut, even, up
from striate.ops._extents import AxisExtents, extents_array
from striate.ops._jit import flat
from striate.ops._microkernel import tile_for
from striate.ops._plans import Convolution, Direct
from striate.ops._threads import SMALL, run_blocks
from striate.ops._transforms import TILES

__all__ = ["Winograd", "pays", "takes"]

Array = NDArray[Any]
Shape = tuple[int, ...]

LEAST_TILES, MOST_TILES = 64, 208  # in a block, unless there are fewer
TRANSFORMED_BYTES = 8 << 20  # of a block of tiles
MAPS_AT_A_TIME = {2: 64, 4: 32}

# What the rest costs, in multiply-adds of the microkernel; measured, see `winograd_steps`.
TRANSFORM = {2: 350, 4: 1000}  # of a tile, for each channel and each map
STREAM = 8  # reading one weight
PACK = 90  # making one transformed weight
CLEARLY = 0.9
PATCHES = 150  # packing the patches of one pixel and channel, in the direct method


def takes(convolution: Convolution) -> bool:
    """Tell whether a convolution has a 3 x 3 kernel, stride 1 and dilation 1."""
    w = convolution.window
    return (w.kernel, w.strides, w.dilations) == ((3, 3), (1, 1), (1, 1))


class Product:
    """One convolution of given sizes: the forward pass, or the gradient of the input."""

    def __init__(
        self,
        sizes: Sizes,
        axes: list[AxisExtents],
        dtype: np.dtype[Any],
        flipped: bool,
        threads: int,
    ) -> None:
        self.dtype = dtype
        self.shape = (sizes.batch, sizes.groups * sizes.maps, *(axis.output for axis in axes))
        self.m = best_tile(sizes, self.shape[2:])
        self.steps = sizes.batch * sizes.groups * sizes.maps * sizes.channels * sizes.pixels
        threads = threads if self.steps >= SMALL else 1
        self.extents = extents_array(sizes.batch, sizes.groups, sizes.channels, sizes.maps, axes)
        self.cut = cut_tiles(sizes, self.shape[2:], self.m, threads)
        self.pack_cut = cut_weights(sizes, self.m, flipped)
        squares = (self.m + 2) ** 2
        self.packed_size = squares * sizes.groups * sizes.maps * sizes.channels
        self.no_bias = flat(np.empty(0, dtype))

    def apply(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """Return the output."""
        y = np.empty(self.shape, self.dtype)
        start = self.no_bias if bias is None else flat(bias)
        count, blocks = self.cut
        packed = flat(self.packed(weight))
        arrays = flat(x), packed, start, y.reshape(-1), self.extents, blocks
        run_blocks(partial(_winograd.convolve, *arrays), count, self.steps)
        return y

    def packed(self, weight: Array) -> Array:
        """Return the transformed weights."""
        packed = np.empty(self.packed_size, self.dtype)
        count, numbers = self.pack_cut
        arrays = flat(weight), packed, numbers
        run_blocks(partial(_winograd.pack_weights, *arrays), count, packed.size)
        return packed


class Winograd:
    """Products of transformed tiles; see `_winograd`.

    The gradient of the input is a convolution of dy with the flipped weights, and computed in the
    same way where that pays; the gradient of the weights is computed directly.
    """

    def __init__(self, convolution: Convolution, threads: int) -> None:
        c, s = convolution, convolution.sizes
        self.output_shape = c.output_shape
        self.direct = Direct(convolution, threads)
        inputs, outputs = c.input_shape[2:], c.output_shape[2:]
        sides = [axis.before for axis in c.window.axes]
        there = [
            AxisExtents(i, o, 3, 1, 1, before)
            for i, o, before in zip(inputs, outputs, sides, strict=True)
        ]
        back = [
            AxisExtents(o, i, 3, 1, 1, 2 - before)
            for i, o, before in zip(inputs, outputs, sides, strict=True)
        ]
        self.there = Product(s, there, c.dtype, False, threads)
        mirrored = s._replace(channels=s.maps, maps=s.channels, pixels=int(np.prod(inputs)))
        self.back = (
            Product(mirrored, back, c.dtype, True, threads) if pays(mirrored, inputs) else None
        )

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        return self.there.apply(x, weight, bias)

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx, plus `bias`."""
        if self.back is None:
            return self.direct.input_gradient(dy, weight, bias)
        return self.back.apply(dy, weight, bias)

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        return self.direct.weight_gradient(dy, x)


def tile_count(batch: int, outputs: Shape, m: int) -> int:
    """Return how many tiles of m x m cover the outputs of all images."""
    return batch * -(-outputs[0] // m) * -(-outputs[1] // m)


def cut_tiles(s: Sizes, outputs: Shape, m: int, threads: int) -> Cut:
    """Cut the output by tiles; by maps where there are too few tiles for all threads."""
    tile = tile_for(s.itemsize)
    total, share = tile_count(s.batch, outputs, m), -(-threads // s.groups)
    limit = TRANSFORMED_BYTES // ((m + 2) ** 2 * s.channels * s.itemsize)
    limit = min(max(LEAST_TILES, limit), MOST_TILES)
    rows, parts = s.maps, share
    if total < limit * share:
        rows, parts = even(s.maps, s.maps, share, tile.rows), 1
    columns = even(total, limit, parts, tile.lanes)
    at_a_time = -(-MAPS_AT_A_TIME[m] // tile.rows) * tile.rows
    sizes = min(rows, s.maps), columns, min(at_a_time, rows)
    units, blocks = cut((s.groups, s.maps, total), sizes, s.itemsize)
    return Cut(units, np.append(blocks, m))


def cut_weights(s: Sizes, m: int, flipped: bool) -> Cut:
    """Cut the packed weights by the microkernel's rows; see `_winograd.Weights`."""
    tile = tile_for(s.itemsize)
    steps = (9, s.maps * 9, -1) if flipped else (s.channels * 9, 9, 1)
    numbers = s.maps, s.channels, *steps, m, tile.rows, tile.lanes
    return Cut(s.groups * -(-s.maps // tile.rows), np.array(numbers, np.int64))


def direct_steps(s: Sizes) -> int:
    """Estimate what the direct method costs, in multiply-adds of the microkernel."""
    columns = up(s.batch * s.pixels, tile_for(s.itemsize).lanes)
    each_channel = s.maps * s.taps * (columns + STREAM)
    return s.groups * s.channels * (each_channel + PATCHES * s.batch * s.pixels)


def winograd_steps(s: Sizes, outputs: Shape, m: int) -> int:
    """Estimate what tiles of m x m cost, in multiply-adds of the microkernel.

    The products, whose columns fill up whole registers and whose weights are read from memory,
    and the transform of tiles.
    """
    squares, tiles = (m + 2) ** 2, tile_count(s.batch, outputs, m)
    columns = up(tiles, tile_for(s.itemsize).lanes)
    each_weight = squares * (columns + STREAM)
    transforms = TRANSFORM[m] * tiles * (s.channels + s.maps)
    return s.groups * (s.maps * s.channels * each_weight + transforms)


def best_tile(s: Sizes, outputs: Shape) -> int:
    """Return the m that costs less, but for the transform of the weights."""
    return min(TILES, key=lambda m: winograd_steps(s, outputs, m))


def pays(s: Sizes, outputs: Shape) -> bool:
    """Tell whether this method is clearly faster than the direct one."""
    m = best_tile(s, outputs)
    weights = PACK * (m + 2) ** 2 * s.groups * s.maps * s.channels
    return winograd_steps(s, outputs, m) + weights < CLEARLY * direct_steps(s)
