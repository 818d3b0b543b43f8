"""The fully connected layer: NumPy's matrix product, or for a few examples our own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError, explained
from striate.ops._checks import check_floating, check_same_dtype
from striate.ops._jit import flat
from striate.ops._matrix import MOST_ROWS, ROWS_OF_WEIGHTS, few_rows
from striate.ops._threads import run_blocks

__all__ = ["linear", "linear_gradients", "matrix_product"]

Array = NDArray[Any]


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return x weight^T + bias.

    Parameters
    ----------
    x : (N, in), float32 or float64
    weight : (out, in), the same dtype
    bias : (out,)

    Returns
    -------
    y : (N, out)

    Raises
    ------
    ShapeError, DTypeError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    with explained("linear"):
        _check(x, weight, bias)
    return matrix_product(x, weight, bias)


def matrix_product(x: Array, weight: Array, bias: Array | None) -> Array:
    """Return what `linear` does, for arguments that are known to fit."""
    if x.size == 0 or len(x) > MOST_ROWS:
        product: Array = np.matmul(x, weight.T)
        return product if bias is None else np.add(product, bias, out=product)
    sizes = (*x.shape, len(weight))
    y = np.empty((len(x), len(weight)), x.dtype)
    start = flat(np.empty(0, x.dtype) if bias is None else bias)
    blocks = -(-len(weight) // ROWS_OF_WEIGHTS)
    arrays = flat(x), flat(weight), start, y.reshape(-1), sizes
    run_blocks(partial(few_rows, *arrays), blocks, x.size * len(weight))
    return y


def _check(x: Array, weight: Array, bias: Array | None) -> None:
    check_floating("x", x)
    check_floating("weight", weight)
    if bias is not None:
        check_floating("bias", bias)
    check_same_dtype(x=x, weight=weight, bias=bias)
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ShapeError(
            f"x must be (N, in) and weight (out, in), but they are {x.shape} and {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError(f"bias must have shape {weight.shape[:1]}, not {bias.shape}")


def linear_gradients(dy: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Return (dx, dweight, dbias).

    Examples
    --------
    >>> import numpy as np
    >>> dy, x, weight = np.array([[2.0]]), np.array([[1.0, 3.0]]), np.array([[5.0, 7.0]])
    >>> linear_gradients(dy, x, weight)
    (array([[10., 14.]]), array([[2., 6.]]), array([2.]))
    """
    return np.matmul(dy, weight), np.matmul(dy.T, x), dy.sum(axis=0)
