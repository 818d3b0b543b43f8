"""Plans of convolution: all that is known once the shapes are, ready to be applied.

A plan's methods check nothing. There is one class for each way of computing; `_methods` lists
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.geometry import Window
from striate.ops import _depthwise, _direct, _reference, _sliding
from striate.ops._blocking import Sizes, cut_forward, cut_input_gradient, cut_weight_gradient
from striate.ops._extents import AxisExtents, extents_array
from striate.ops._jit import flat
from striate.ops._threads import SMALL, run_blocks

__all__ = ["Convolution", "Direct", "Plan", "Reference", "Sliding"]

Array = NDArray[Any]
Shape = tuple[int, ...]

SHARES = 8  # of the planes of a depthwise convolution, for each thread


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution of arrays of known shape; the window's paddings are explicit."""

    input_shape: Shape
    weight_shape: Shape
    output_shape: Shape
    window: Window
    groups: int
    dtype: np.dtype[Any]

    @property
    def sizes(self) -> Sizes:
        """The sizes of one group, for cutting."""
        batch, maps = self.output_shape[:2]
        taps, pixels = prod(self.window.kernel), prod(self.output_shape[2:])
        channels = self.weight_shape[1]
        itemsize = self.dtype.itemsize
        return Sizes(batch, self.groups, channels, maps // self.groups, taps, pixels, itemsize)

    @property
    def macs(self) -> int:
        """Multiply-adds of each of the three products."""
        s = self.sizes
        return s.batch * s.groups * s.maps * s.channels * s.taps * s.pixels


class Plan(Protocol):
    """A convolution with known shapes and method. Methods take and return contiguous arrays."""

    @property
    def output_shape(self) -> Shape:
        """The shape of `forward`'s result."""
        ...

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        ...

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx; `bias` is added to it where this is the transposed convolution's output."""
        ...

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        ...


class Reference:
    """The definition."""

    def __init__(self, convolution: Convolution, threads: int) -> None:
        self.convolution = convolution
        self.output_shape = convolution.output_shape

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        c = self.convolution
        return _reference.convolve(x, weight, bias, c.window, c.groups, c.output_shape[2:])

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx, plus `bias`."""
        c = self.convolution
        dx = _reference.input_gradient(dy, weight, c.window, c.groups, c.input_shape)
        return dx if bias is None else dx + _reference.spread(bias, c.window.rank)

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        c = self.convolution
        return _reference.weight_gradient(dy, x, c.window, c.groups, c.weight_shape)


class Direct:
    """Products with the patch matrix, a block at a time; see `_direct`."""

    def __init__(self, convolution: Convolution, threads: int) -> None:
        self.convolution = convolution
        self.output_shape = convolution.output_shape
        self.steps = convolution.macs
        sizes, dtype = convolution.sizes, convolution.dtype
        threads = threads if self.steps >= SMALL else 1
        self.extents = extents_of(convolution)
        self.forward_cut = cut_forward(sizes, threads)
        self.input_cut = cut_input_gradient(sizes, threads)
        self.weight_cut = cut_weight_gradient(sizes, threads)
        self.no_bias = flat(np.empty(0, dtype))

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        y = np.empty(self.output_shape, self.convolution.dtype)
        start = self.no_bias if bias is None else flat(bias)
        count, blocks = self.forward_cut
        arrays = flat(x), flat(weight), start, y.reshape(-1), self.extents, blocks
        run_blocks(partial(_direct.convolve, *arrays), count, self.steps)
        return y

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx, plus `bias`."""
        dx = np.empty(self.convolution.input_shape, self.convolution.dtype)
        start = self.no_bias if bias is None else flat(bias)
        count, blocks = self.input_cut
        arrays = flat(dy), flat(weight), start, dx.reshape(-1), self.extents, blocks
        run_blocks(partial(_direct.input_gradient, *arrays), count, self.steps)
        return dx

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        dw = np.empty(self.convolution.weight_shape, self.convolution.dtype)
        count, blocks = self.weight_cut
        arrays = flat(dy), flat(x), dw.reshape(-1), self.extents, blocks
        run_blocks(partial(_direct.weight_gradient, *arrays), count, self.steps)
        return dw


class Sliding:
    """Tap by tap along the rows; see `_sliding` and, for most depthwise ones, `_depthwise`."""

    def __init__(self, convolution: Convolution, threads: int) -> None:
        self.convolution = convolution
        self.output_shape = convolution.output_shape
        self.steps = convolution.macs
        self.extents = extents_of(convolution)
        self.no_bias = flat(np.empty(0, convolution.dtype))
        window, sizes = convolution.window, convolution.sizes
        self.by_rows = sizes.channels == 1 and _depthwise.takes(window)
        self.planes = prod(convolution.output_shape[:2])
        # Several shares for each thread even out their times; a share of one plane is too small.
        self.share = max(1, self.planes // (SHARES * threads if self.steps >= SMALL else 1))

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        y = np.empty(self.output_shape, self.convolution.dtype)
        start = self.no_bias if bias is None else flat(bias)
        arrays = flat(x), flat(weight), start, y.reshape(-1), self.extents
        if self.by_rows and start.size <= y.shape[1]:
            rows = partial(_depthwise.convolve, *arrays, self.share)
            run_blocks(rows, -(-self.planes // self.share), self.steps)
        else:
            run_blocks(partial(_sliding.convolve, *arrays), self.planes, self.steps)
        return y

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx, plus `bias`."""
        dx = np.empty(self.convolution.input_shape, self.convolution.dtype)
        start = self.no_bias if bias is None else flat(bias)
        arrays = flat(dy), flat(weight), start, dx.reshape(-1), self.extents
        run_blocks(partial(_sliding.input_gradient, *arrays), prod(dx.shape[:2]), self.steps)
        return dx

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        dw = np.empty(self.convolution.weight_shape, self.convolution.dtype)
        arrays = flat(dy), flat(x), dw.reshape(-1), self.extents
        run_blocks(partial(_sliding.weight_gradient, *arrays), prod(dw.shape[:2]), self.steps)
        return dw


def extents_of(convolution: Convolution) -> NDArray[np.int64]:
    """Return the sizes for the kernels; a pointwise convolution has one long axis."""
    s = convolution.sizes
    axes = [
        AxisExtents(size, output, axis.kernel, axis.stride, axis.dilation, axis.before)
        for axis, size, output in zip(
            convolution.window.axes,
            convolution.input_shape[2:],
            convolution.output_shape[2:],
            strict=True,
        )
    ]
    if all(a == AxisExtents(a.size, a.size, 1, 1, a.dilation, 0) for a in axes):
        axes = [AxisExtents(s.pixels, s.pixels)]
    return extents_array(s.batch, s.groups, s.channels, s.maps, axes)
