"""Transposed convolution over one to three axes: the gradient of a convolution's input.

Each input element writes a copy of the kernel, scaled by it, into the output. Also called
fractionally strided convolution; "deconvolution" is a misnomer, for nothing is inverted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import ShapeError, explained
from striate.geometry import Axis, PaddingLike, Sizes, TransposedWindow, Window
from striate.ops._checked import CheckedPlan
from striate.ops._checks import check_floating, check_rank, check_room, check_same_dtype
from striate.ops._methods import plan_for
from striate.ops._plans import Convolution, Plan
from striate.ops._threads import thread_count
from striate.ops.convolution import check_bias, check_groups

__all__ = [
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "transposed_convolution_plan",
]

Array = NDArray[Any]
Shape = tuple[int, ...]


def conv_transpose1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve over one axis, transposed: `conv_transpose2d` with x (N, C, W).

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose1d(np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]]), stride=2)
    array([[[ 1.,  2., 13., 20., 30.]]])
    """
    steps = stride, padding, output_padding, dilation
    return _convolve(1, x, weight, bias, *steps, groups, method)


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve over two axes, transposed.

    ``y[n, m, i * S + k * D - before] += weight[c, m, k] * x[n, c, i]``, from y = bias

    Parameters
    ----------
    x : (N, C, H, W), float32 or float64
    weight : (C, M / groups, kernel height, kernel width), the same dtype
    bias : (M,), or (M, output height, output width) for one bias per unit
    stride, dilation : int or one per axis, those of the convolution that this transposes
    padding : int, one per axis, (before, after) pairs, "same", "valid" or "full"; cut from
        the output
    output_padding : int or one per axis, added after the output to choose among the sizes that
        the convolution maps to x's
    groups : channels and maps are split into this many groups
    method : "auto", "direct", "winograd", "sliding" or "reference", as in `conv2d`

    Returns
    -------
    y : (N, M, output height, output width)

    Raises
    ------
    ShapeError, DTypeError, GeometryError, ParameterError
        If the arguments do not fit each other.

    Notes
    -----
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))
    array([[[[1., 2., 1.],
             [2., 4., 2.],
             [1., 2., 1.]]]])
    """
    steps = stride, padding, output_padding, dilation
    return _convolve(2, x, weight, bias, *steps, groups, method)


def conv_transpose3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve over three axes, transposed: `conv_transpose2d` with x (N, C, D, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose3d(np.ones((1, 1, 1, 1, 2)), np.ones((1, 1, 1, 1, 2))).ravel()
    array([1., 2., 1.])
    """
    steps = stride, padding, output_padding, dilation
    return _convolve(3, x, weight, bias, *steps, groups, method)


def _convolve(
    rank: int,
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Sizes,
    padding: PaddingLike,
    output_padding: Sizes,
    dilation: Sizes,
    groups: int,
    method: str,
) -> Array:
    """Check, plan, apply."""
    with explained(f"conv_transpose{rank}d"):
        check_floating("x", x)
        check_floating("weight", weight)
        if bias is not None:
            check_floating("bias", bias)
        check_same_dtype(x=x, weight=weight, bias=bias)
        check_rank("x", x.shape, rank, "N, C")
        check_rank("weight", weight.shape, rank, "C, M / groups")
        window = TransposedWindow.parse(
            weight.shape[2:], stride, padding, dilation, output_padding, rank=rank
        )
        shapes = x.shape, weight.shape
        exact = method == "auto"
        plan = transposed_convolution_plan(*shapes, window, groups, x.dtype, method, exact=exact)
        check_bias(bias, plan.output_shape)
    return plan.forward(x, weight, bias)


class TransposedPlan:
    """A transposed convolution by way of the convolution whose input is its output."""

    def __init__(self, output_shape: Shape, mirrored: Plan) -> None:
        self.output_shape, self.mirrored = output_shape, mirrored

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        return self.mirrored.input_gradient(x, weight, bias)

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx, plus `bias`."""
        return self.mirrored.forward(dy, weight, bias)

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        return self.mirrored.weight_gradient(x, dy)


def transposed_convolution_plan(
    input_shape: Shape,
    weight_shape: Shape,
    window: TransposedWindow,
    groups: int,
    dtype: DTypeLike,
    method: str = "auto",
    *,
    exact: bool = False,
) -> CheckedPlan:
    """Return the plan of a transposed convolution; see `convolution_plan`.

    Parameters
    ----------
    input_shape : (N, C, *spatial)
    weight_shape : (C, M / groups, *kernel); its kernel must be the window's

    Examples
    --------
    >>> from striate.geometry import TransposedWindow
    >>> window = TransposedWindow.parse(4, stride=2, padding=1, rank=2)
    >>> shapes = (1, 100, 4, 4), (100, 64, 4, 4)
    >>> transposed_convolution_plan(*shapes, window, 1, "float32").output_shape
    (1, 64, 8, 8)
    """
    check_groups(groups)  # before it is a key of the cache, which must be hashable
    kind = np.dtype(dtype)
    shapes = input_shape, weight_shape
    return _plan(*shapes, window, groups, kind, method, thread_count(), exact)


@lru_cache(maxsize=1024)
def _plan(
    input_shape: Shape,
    weight_shape: Shape,
    window: TransposedWindow,
    groups: int,
    dtype: np.dtype[Any],
    method: str,
    threads: int,
    exact: bool,
) -> CheckedPlan:
    if min(weight_shape) < 1:
        raise ShapeError(f"weight must not be empty, but its shape is {weight_shape}")
    if weight_shape[0] != input_shape[1]:
        raise ShapeError(
            f"weight has {weight_shape[0]} input channels but x has {input_shape[1]} "
            f"(x: {input_shape}, weight: {weight_shape}, groups={groups})"
        )
    check_groups(groups, input_channels=input_shape[1])
    if window.kernel != weight_shape[2:]:
        raise ShapeError(f"weight's kernel {weight_shape[2:]} is not the window's {window.kernel}")
    spatial = window.output_shape(input_shape[2:])
    output_shape = (input_shape[0], weight_shape[1] * groups, *spatial)
    mirrored = Window(
        tuple(Axis(a.kernel, a.stride, a.dilation, (a.before, a.after)) for a in window.axes)
    )
    shapes = output_shape, weight_shape, input_shape
    check_room(output_shape, dtype)
    convolution = Convolution(*shapes, mirrored, groups, dtype)
    plan = plan_for(convolution, method, threads, exact)
    transposed = TransposedPlan(output_shape, plan)
    return CheckedPlan(transposed, input_shape, weight_shape, dtype)
