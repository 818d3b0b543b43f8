"""Convolution over one to three axes.

As everywhere in neural networks, "convolution" is cross-correlation: the kernel is not
flipped. Signal processing flips it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import ParameterError, ShapeError, explained
from striate.geometry import PaddingLike, Sizes, Window
from striate.ops._checked import CheckedPlan
from striate.ops._checks import check_floating, check_rank, check_room, check_same_dtype
from striate.ops._methods import plan_for
from striate.ops._plans import Convolution
from striate.ops._threads import thread_count

__all__ = ["conv1d", "conv2d", "conv3d", "convolution_plan"]

Array = NDArray[Any]
Shape = tuple[int, ...]


def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve over one axis: `conv2d` with x (N, C, W) and weight (M, C / groups, K).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 2.0, 4.0, 8.0]]])
    >>> conv1d(x, np.array([[[1.0, -1.0]]]))
    array([[[-1., -2., -4.]]])
    """
    return _convolve(1, x, weight, bias, stride, padding, dilation, groups, method)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve over two axes; the kernel is not flipped (cross-correlation).

    ``y[n, m, o] = bias[m] + sum over c, i of weight[m, c, i] * x[n, c, o * S + i * D - before]``

    Parameters
    ----------
    x : (N, C, H, W), float32 or float64
    weight : (M, C / groups, kernel height, kernel width), the same dtype
    bias : (M,), or (M, output height, output width) for one bias per unit (LeCun 1989)
    stride, dilation : int or one per axis
    padding : int, one per axis, (before, after) pairs, "same", "valid" or "full"; zeros
    groups : maps are split into this many groups, each of which sees its share of the channels
    method : "auto" (the faster of direct and sliding: exact wherever the sums are), "direct"
        (products with blocks of the patch matrix), "sliding" (tap by tap along the rows, for
        groups of one or two maps), "winograd" (fewer multiplications, for 3 x 3 kernels with
        stride and dilation 1; rounds more, to about 2e-6 of the largest output in float32; what
        `striate.compile` takes by itself where it is faster) or "reference" (the definition)

    Returns
    -------
    y : (N, M, output height, output width)

    Raises
    ------
    ShapeError, DTypeError, GeometryError, ParameterError
        If the arguments do not fit each other.

    Notes
    -----
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
    arXiv:1603.07285.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> conv2d(x, np.ones((1, 1, 3, 3)))
    array([[[[45., 54.],
             [81., 90.]]]])
    """
    return _convolve(2, x, weight, bias, stride, padding, dilation, groups, method)


def conv3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: PaddingLike = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    method: str = "auto",
) -> Array:
    """Convolve over three axes: `conv2d` with x (N, C, D, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> conv3d(np.ones((1, 2, 3, 3, 3)), np.ones((1, 2, 3, 3, 3))).item()
    54.0
    """
    return _convolve(3, x, weight, bias, stride, padding, dilation, groups, method)


def _convolve(
    rank: int,
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Sizes,
    padding: PaddingLike,
    dilation: Sizes,
    groups: int,
    method: str,
) -> Array:
    """Check, plan, apply."""
    with explained(f"conv{rank}d"):
        check_floating("x", x)
        check_floating("weight", weight)
        if bias is not None:
            check_floating("bias", bias)
        check_same_dtype(x=x, weight=weight, bias=bias)
        check_rank("x", x.shape, rank, "N, C")
        check_rank("weight", weight.shape, rank, "M, C / groups")
        window = Window.parse(weight.shape[2:], stride, padding, dilation, rank=rank)
        exact = method == "auto"  # a single convolution only adds up products, unless told
        shapes = x.shape, weight.shape
        plan = convolution_plan(*shapes, window, groups, x.dtype, method, exact=exact)
        check_bias(bias, plan.output_shape)
    return plan.forward(x, weight, bias)


def check_bias(bias: Array | None, output_shape: Shape) -> None:
    """Raise if a bias fits neither the output's maps nor its units."""
    if bias is not None and bias.shape not in (output_shape[1:2], output_shape[1:]):
        raise ShapeError(
            f"bias must have shape {output_shape[1:2]}, one for each map, or {output_shape[1:]}, "
            f"one for each unit, not {bias.shape}"
        )


def check_groups(groups: object, **counts: int) -> None:
    """Raise if the groups cannot share the channels evenly."""
    if isinstance(groups, bool) or not isinstance(groups, int | np.integer) or groups < 1:
        raise ParameterError(f"groups must be a whole number of at least 1, not {groups!r}")
    for name, count in counts.items():
        if count % groups:
            raise ShapeError(f"groups={groups} must divide the {count} {name.replace('_', ' ')}")


def check_shapes(input_shape: Shape, weight_shape: Shape, groups: int) -> None:
    """Raise if input and weight do not fit each other."""
    if min(weight_shape) < 1:
        raise ShapeError(f"weight must not be empty, but its shape is {weight_shape}")
    check_groups(groups, input_channels=input_shape[1], output_channels=weight_shape[0])
    if weight_shape[1] * groups != input_shape[1]:
        share = f" / groups = {input_shape[1] // groups}" if groups > 1 else ""
        raise ShapeError(
            f"weight has {weight_shape[1]} input channels but x has {input_shape[1]}{share} "
            f"(x: {input_shape}, weight: {weight_shape}, groups={groups})"
        )


def convolution_plan(
    input_shape: Shape,
    weight_shape: Shape,
    window: Window,
    groups: int,
    dtype: DTypeLike,
    method: str = "auto",
    *,
    exact: bool = False,
) -> CheckedPlan:
    """Return the plan of a convolution: cached, and safe to use from several threads at once.

    Parameters
    ----------
    input_shape : (N, C, *spatial)
    weight_shape : (M, C / groups, *kernel); its kernel must be the window's
    window : of the same rank; "same" padding is resolved here
    groups, dtype, method : as in `conv2d`
    exact : only add up products: never take Winograd's method

    Returns
    -------
    plan with `output_shape`, ``forward(x, weight, bias=None)``, ``input_gradient(dy, weight)`` and
    ``weight_gradient(dy, x)``, which take arrays of just the shapes and dtype given here. The
    bias's gradient is dy summed over all axes that bias does not have.

    Examples
    --------
    >>> from striate.geometry import Window
    >>> window = Window.parse(3, padding="same", rank=2)
    >>> convolution_plan((1, 3, 8, 8), (16, 3, 3, 3), window, 1, "float32").output_shape
    (1, 16, 8, 8)
    """
    check_groups(groups)  # before it is a key of the cache, which must be hashable
    kind = np.dtype(dtype)
    shapes = input_shape, weight_shape
    return _plan(*shapes, window, groups, kind, method, thread_count(), exact)


@lru_cache(maxsize=1024)
def _plan(
    input_shape: Shape,
    weight_shape: Shape,
    window: Window,
    groups: int,
    dtype: np.dtype[Any],
    method: str,
    threads: int,
    exact: bool,
) -> CheckedPlan:
    check_shapes(input_shape, weight_shape, groups)
    if window.kernel != weight_shape[2:]:
        raise ShapeError(f"weight's kernel {weight_shape[2:]} is not the window's {window.kernel}")
    spatial = input_shape[2:]
    output_shape = (input_shape[0], weight_shape[0], *window.output_shape(spatial))
    explicit = window.at(spatial)
    check_room(output_shape, dtype)
    convolution = Convolution(input_shape, weight_shape, output_shape, explicit, groups, dtype)
    plan = plan_for(convolution, method, threads, exact)
    return CheckedPlan(plan, input_shape, weight_shape, dtype)
