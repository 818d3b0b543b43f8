"""Max and average pooling over one to three axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import GeometryError, explained
from striate.geometry import PaddingLike, Sizes, Window
from striate.ops import _pooling, _reference
from striate.ops._checks import check_floating, check_method, check_rank
from striate.ops._extents import AxisExtents, extents_array
from striate.ops._jit import flat
from striate.ops._threads import run_blocks

__all__ = [
    "AveragePoolPlan",
    "MaxPoolPlan",
    "average_pool_plan",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_pool_plan",
]

Array = NDArray[Any]
Shape = tuple[int, ...]
METHODS = ("auto", "direct", "reference")


def max_pool1d(
    x: Array,
    kernel: Sizes,
    *,
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    ceil: bool = False,
    method: str = "auto",
) -> Array:
    """Take the largest element of each window of one axis; see `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[3., 2.]]])
    """
    return _max_pool(1, x, kernel, stride, padding, dilation, ceil, method)


def max_pool2d(
    x: Array,
    kernel: Sizes,
    *,
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    ceil: bool = False,
    method: str = "auto",
) -> Array:
    """Take the largest element of each window.

    ``y[n, c, o] = max over i of x[n, c, o * S + i * D - before]``

    Parameters
    ----------
    x : (N, C, H, W), float32 or float64
    kernel : int or one per axis
    stride : int or one per axis; the kernel's size if not given
    padding : int, one per axis, (before, after) pairs, "same", "valid" or "full"; minus
        infinity, so that it never wins. Each side must be smaller than the kernel's extent
    dilation : int or one per axis
    ceil : keep a last window that only partly fits
    method : "auto", "direct" or "reference"

    Returns
    -------
    y : (N, C, output height, output width); NaN where a window holds one

    Raises
    ------
    ShapeError, DTypeError, GeometryError, ParameterError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 3, stride=2, padding=1)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    return _max_pool(2, x, kernel, stride, padding, dilation, ceil, method)


def max_pool3d(
    x: Array,
    kernel: Sizes,
    *,
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    ceil: bool = False,
    method: str = "auto",
) -> Array:
    """Take the largest element of each window of three axes; see `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2).item()
    7.0
    """
    return _max_pool(3, x, kernel, stride, padding, dilation, ceil, method)


def avg_pool1d(
    x: Array,
    kernel: Sizes,
    *,
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
    method: str = "auto",
) -> Array:
    """Take the mean of each window of one axis; see `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[2., 1.]]])
    """
    return _average_pool(1, x, kernel, stride, padding, ceil, count_include_pad, method)


def avg_pool2d(
    x: Array,
    kernel: Sizes,
    *,
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
    method: str = "auto",
) -> Array:
    """Take the mean of each window.

    ``y[n, c, o] = sum over i of x[n, c, o * S + i - before] / count(o)``

    Parameters
    ----------
    x : (N, C, H, W), float32 or float64
    kernel : int or one per axis
    stride : int or one per axis; the kernel's size if not given
    padding : int, one per axis, (before, after) pairs, "same", "valid" or "full"; zeros. Each
        side must be smaller than the kernel's extent
    ceil : keep a last window that only partly fits; what it covers beyond the padding is
        never counted
    count_include_pad : count padding as elements of a window
    method : "auto", "direct" or "reference"

    Returns
    -------
    y : (N, C, output height, output width)

    Raises
    ------
    ShapeError, DTypeError, GeometryError, ParameterError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    return _average_pool(2, x, kernel, stride, padding, ceil, count_include_pad, method)


def avg_pool3d(
    x: Array,
    kernel: Sizes,
    *,
    stride: Sizes | None = None,
    padding: PaddingLike = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
    method: str = "auto",
) -> Array:
    """Take the mean of each window of three axes; see `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2).item()
    3.5
    """
    return _average_pool(3, x, kernel, stride, padding, ceil, count_include_pad, method)


def _max_pool(
    rank: int,
    x: Array,
    kernel: Sizes,
    stride: Sizes | None,
    padding: PaddingLike,
    dilation: Sizes,
    ceil: bool,
    method: str,
) -> Array:
    with explained(f"max_pool{rank}d"):
        check_floating("x", x)
        check_rank("x", x.shape, rank, "N, C")
        steps = kernel if stride is None else stride
        window = Window.parse(kernel, steps, padding, dilation, rank=rank, ceil=ceil)
        plan = max_pool_plan(x.shape, window, x.dtype, method)
    return plan.forward(x)


def _average_pool(
    rank: int,
    x: Array,
    kernel: Sizes,
    stride: Sizes | None,
    padding: PaddingLike,
    ceil: bool,
    count_include_pad: bool,
    method: str,
) -> Array:
    with explained(f"avg_pool{rank}d"):
        check_floating("x", x)
        check_rank("x", x.shape, rank, "N, C")
        steps = kernel if stride is None else stride
        window = Window.parse(kernel, steps, padding, rank=rank, ceil=ceil)
        plan = average_pool_plan(x.shape, window, x.dtype, count_include_pad, method)
    return plan.forward(x)


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
    """Max pooling of arrays of one shape. Methods check nothing."""

    def __init__(self, pooling: Pooling) -> None:
        self.pooling = pooling
        self.output_shape = pooling.output_shape

    def forward(self, x: Array) -> Array:
        """Return the output."""
        p = self.pooling
        if p.method == "reference":
            return _reference.max_pool(x, p.window, p.outputs)
        y = np.empty(p.output_shape, p.dtype)
        run_blocks(partial(_pooling.max_pool, flat(x), y.reshape(-1), p.extents), p.planes, p.steps)
        return y

    def input_gradient(self, dy: Array, x: Array, y: Array) -> Array:
        """Return dx: the first maximum in row-major order gets its window's gradient."""
        p = self.pooling
        if p.method == "reference":
            return _reference.max_pool_gradient(dy, x, y, p.window)
        dx = np.empty(p.input_shape, p.dtype)
        arrays = flat(dy), flat(x), flat(y), dx.reshape(-1), p.extents
        run_blocks(partial(_pooling.max_pool_gradient, *arrays), p.planes, p.steps)
        return dx


class AveragePoolPlan:
    """Average pooling of arrays of one shape. Methods check nothing."""

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
        if p.method == "reference":
            return _reference.average_pool(x, p.window, p.outputs, self.count_include_pad)
        y = np.empty(p.output_shape, p.dtype)
        arrays = flat(x), self.counts, y.reshape(-1), p.extents
        run_blocks(partial(_pooling.average_pool, *arrays), p.planes, p.steps)
        return y

    def input_gradient(self, dy: Array) -> Array:
        """Return dx: each window's gradient, spread evenly over it."""
        p = self.pooling
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
