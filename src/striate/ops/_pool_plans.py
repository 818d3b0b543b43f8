"""Plans of pooling: all that is known once the shapes are, ready to be applied."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import GeometryError
from striate.geometry import Window
from striate.ops import _pooling, _reference
from striate.ops._checks import check_method, check_room, expect
from striate.ops._extents import AxisExtents, extents_array
from striate.ops._jit import flat
from striate.ops._threads import run_blocks

__all__ = ["AveragePoolPlan", "MaxPoolPlan", "average_pool_plan", "max_pool_plan"]

Array = NDArray[Any]
Shape = tuple[int, ...]
METHODS = ("auto", "direct", "reference")


@dataclass(frozen=True, eq=False)
class Pooling:
    """What both kinds of pooling know once the shapes are."""

    input_shape: Shape
    output_shape: Shape
    window: Window
    dtype: np.dtype[Any]
    method: str
    extents: NDArray[np.int64]

    @property
    def outputs(self) -> Shape:
        """The spatial shape of the output."""
        return self.output_shape[2:]

    @property
    def planes(self) -> int:
        """How many planes there are, channels of images: the kernels' blocks."""
        return self.input_shape[0] * self.input_shape[1]

    @property
    def steps(self) -> int:
        """How many elements all windows read."""
        return prod(self.output_shape) * prod(self.window.kernel)


class MaxPoolPlan:
    """Max pooling of arrays of one shape."""

    def __init__(self, pooling: Pooling) -> None:
        self.pooling = pooling
        self.output_shape = pooling.output_shape

    def forward(self, x: Array) -> Array:
        """Return the output."""
        p = self.pooling
        expect("x", x, p.input_shape, p.dtype)
        if p.method == "reference":
            return _reference.max_pool(x, p.window, p.outputs)
        y = np.empty(p.output_shape, p.dtype)
        run_blocks(partial(_pooling.max_pool, flat(x), y.reshape(-1), p.extents), p.planes, p.steps)
        return y

    def input_gradient(self, dy: Array, x: Array, y: Array) -> Array:
        """Return dx: the first maximum in row-major order gets its window's gradient."""
        p = self.pooling
        expect("dy", dy, p.output_shape, p.dtype)
        expect("x", x, p.input_shape, p.dtype)
        expect("y", y, p.output_shape, p.dtype)
        if p.method == "reference":
            return _reference.max_pool_gradient(dy, x, y, p.window)
        dx = np.empty(p.input_shape, p.dtype)
        arrays = flat(dy), flat(x), flat(y), dx.reshape(-1), p.extents
        run_blocks(partial(_pooling.max_pool_gradient, *arrays), p.planes, p.steps)
        return dx


class AveragePoolPlan:
    """Average pooling of arrays of one shape."""

    def __init__(self, pooling: Pooling, count_include_pad: bool) -> None:
        self.pooling = pooling
        self.output_shape = pooling.output_shape
        self.count_include_pad = count_include_pad
        counts = _reference.axis_counts(
            pooling.input_shape[2:], pooling.window, pooling.outputs, count_include_pad
        )
        leading = [[1]] * (3 - len(counts))  # the axes that the kernels have and we do not
        self.counts = flat(np.concatenate([*leading, *counts]).astype(pooling.dtype))

    def forward(self, x: Array) -> Array:
        """Return the output."""
        p = self.pooling
        expect("x", x, p.input_shape, p.dtype)
        if p.method == "reference":
            return _reference.average_pool(x, p.window, p.outputs, self.count_include_pad)
        y = np.empty(p.output_shape, p.dtype)
        arrays = flat(x), self.counts, y.reshape(-1), p.extents
        run_blocks(partial(_pooling.average_pool, *arrays), p.planes, p.steps)
        return y

    def input_gradient(self, dy: Array) -> Array:
        """Return dx: each window's gradient, spread evenly over it."""
        p = self.pooling
        expect("dy", dy, p.output_shape, p.dtype)
        if p.method == "reference":
            count = self.count_include_pad
            return _reference.average_pool_gradient(dy, p.window, p.input_shape, count)
        dx = np.empty(p.input_shape, p.dtype)
        arrays = flat(dy), self.counts, dx.reshape(-1), p.extents
        run_blocks(partial(_pooling.average_pool_gradient, *arrays), p.planes, p.steps)
        return dx


@lru_cache(maxsize=1024)
def _pooling_of(input_shape: Shape, window: Window, dtype: np.dtype[Any], method: str) -> Pooling:
    check_method(method, METHODS)
    spatial = input_shape[2:]
    explicit = window.at(spatial)
    for axis in explicit.axes:
        if max(axis.before, axis.after) >= axis.extent:
            raise GeometryError(
                f"padding ({axis.before}, {axis.after}) must be smaller than the kernel, which "
                f"spans {axis.extent}: a window of padding alone has no value"
            )
    outputs = window.output_shape(spatial)
    sizes = zip(explicit.axes, spatial, outputs, strict=True)
    axes = [
        AxisExtents(size, output, a.kernel, a.stride, a.dilation, a.before)
        for a, size, output in sizes
    ]
    output_shape = (*input_shape[:2], *outputs)
    check_room(output_shape, dtype)
    extents = extents_array(input_shape[0], 1, input_shape[1], 1, axes)
    return Pooling(input_shape, output_shape, explicit, dtype, method, extents)


@lru_cache(maxsize=1024)
def max_pool_plan(
    input_shape: Shape, window: Window, dtype: DTypeLike, method: str = "auto"
) -> MaxPoolPlan:
    """Return the plan of max pooling: `output_shape`, `forward` and `input_gradient`.

    Examples
    --------
    >>> from striate.geometry import Window
    >>> max_pool_plan((1, 8, 32, 32), Window.parse(2, 2, rank=2), "float32").output_shape
    (1, 8, 16, 16)
    """
    return MaxPoolPlan(_pooling_of(input_shape, window, np.dtype(dtype), method))


@lru_cache(maxsize=1024)
def average_pool_plan(
    input_shape: Shape,
    window: Window,
    dtype: DTypeLike,
    count_include_pad: bool = True,
    method: str = "auto",
) -> AveragePoolPlan:
    """Return the plan of average pooling: `output_shape`, `forward` and `input_gradient`.

    Examples
    --------
    >>> from striate.geometry import Window
    >>> average_pool_plan((1, 8, 32, 32), Window.parse(2, 2, rank=2), "float32").output_shape
    (1, 8, 16, 16)
    """
    pooling = _pooling_of(input_shape, window, np.dtype(dtype), method)
    return AveragePoolPlan(pooling, count_include_pad)
