"""Max and average pooling over one to three axes."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from striate.errors import explained
from striate.geometry import PaddingLike, Sizes, Window
from striate.ops._checks import check_floating, check_rank
from striate.ops._pool_plans import average_pool_plan, max_pool_plan

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

Array = NDArray[Any]


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
