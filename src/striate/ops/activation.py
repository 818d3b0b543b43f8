"""Element-wise functions, softmax, and their gradients.

Gradients take the output y rather than the input: that is what the backward pass has kept.
NaN and infinity go through as the formulas say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError, explained
from striate.ops._checks import check_floating

__all__ = [
    "relu",
    "relu_gradient",
    "sigmoid",
    "sigmoid_gradient",
    "softmax",
    "softmax_gradient",
    "tanh",
    "tanh_gradient",
]

Array = NDArray[Any]


def relu(x: Array) -> Array:
    """Return max(x, 0), element by element; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.array([-1.0, 0.5, np.nan]))
    array([0. , 0.5, nan])
    """
    with explained("relu"):
        check_floating("x", x)
    return np.maximum(x, 0)


def relu_gradient(dy: Array, y: Array) -> Array:
    """Return dy where y > 0, 0 where y is not (also at the corner); NaN passes dy on.

    Examples
    --------
    >>> import numpy as np
    >>> relu_gradient(np.array([3.0, 4.0]), np.array([0.0, 2.0]))
    array([0., 4.])
    """
    return np.where(y <= 0, dy.dtype.type(0), dy)


def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> tanh(np.array([0.0, 100.0]))
    array([0., 1.])
    """
    with explained("tanh"):
        check_floating("x", x)
    return np.tanh(x)


def tanh_gradient(dy: Array, y: Array) -> Array:
    """Return dy (1 - y^2).

    Examples
    --------
    >>> import numpy as np
    >>> tanh_gradient(np.array([4.0]), np.array([0.5]))
    array([3.])
    """
    dx: Array = dy * (1 - y * y)
    return dx


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), element by element, without overflow.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    with explained("sigmoid"):
        check_floating("x", x)
    decay = np.exp(-np.abs(x))  # at most 1
    y: Array = np.where(x < 0, decay, 1) / (1 + decay)
    return y


def sigmoid_gradient(dy: Array, y: Array) -> Array:
    """Return dy y (1 - y).

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid_gradient(np.array([4.0]), np.array([0.5]))
    array([1.])
    """
    dx: Array = dy * y * (1 - y)
    return dx


def softmax(x: Array, axis: int = -1) -> Array:
    """Return exp(x) / sum of exp(x) along `axis`, computed so that large x do not overflow.

    Raises
    ------
    ShapeError
        If x has no such axis, or nothing along it.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    with explained("softmax"):
        check_floating("x", x)
        if not -x.ndim <= axis < x.ndim:
            raise ShapeError(f"axis {axis} is not an axis of x, whose shape is {x.shape}")
        if x.shape[axis] == 0:
            raise ShapeError(f"x must not be empty along axis {axis}, but its shape is {x.shape}")
    highest = x.max(axis=axis, keepdims=True)
    # Where the highest is infinite the formula has no value: NaN, without a warning.
    with np.errstate(invalid="ignore"):
        e: Array = np.exp(x - highest)
    e /= e.sum(axis=axis, keepdims=True)
    return e


def softmax_gradient(dy: Array, y: Array, axis: int = -1) -> Array:
    """Return y (dy - sum of dy y along `axis`).

    Examples
    --------
    >>> import numpy as np
    >>> softmax_gradient(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    dx: Array = y * (dy - (dy * y).sum(axis=axis, keepdims=True))
    return dx
